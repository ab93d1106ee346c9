/** The parts of a request's URL that routes look at. */
export type RequestUrl = Pick<URL, "href" | "pathname" | "search" | "searchParams">;

/**
 * Takes URLs of requests apart. The runtime has parsed and normalised them already, unless their host is none; a second
 * time costs several times what it costs to find the marks in them. So only those with another origin than the last
 * one are parsed again: behind an origin that parsed, nothing else can be wrong.
 */
export class RequestUrls {
  /** With the slash at its end. Of a URL that was parsed in full. */
  #origin: string | undefined;

  /** @throws TypeError where a host is none */
  of(href: string): RequestUrl {
    if (this.#origin !== undefined && href.startsWith(this.#origin)) {
      return new NormalisedUrl(href, this.#origin.length - 1);
    }
    const url = new URL(href);
    this.#origin = `${url.origin}/`;
    return url;
  }
}

class NormalisedUrl implements RequestUrl {
  readonly href: string;
  readonly pathname: string;
  readonly search: string;
  #parameters: URLSearchParams | undefined;

  constructor(href: string, pathAt: number) {
    const fragmentAt = href.indexOf("#", pathAt);
    const end = fragmentAt === -1 ? href.length : fragmentAt;
    const queryAt = href.indexOf("?", pathAt);
    const pathEnd = queryAt === -1 || queryAt > end ? end : queryAt;
    this.href = href;
    this.pathname = href.slice(pathAt, pathEnd);
    // A question mark that nothing follows is no query.
    this.search = end - pathEnd > 1 ? href.slice(pathEnd, end) : "";
  }

  get searchParams(): URLSearchParams {
    return (this.#parameters ??= new URLSearchParams(this.search));
  }
}
