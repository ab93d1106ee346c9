import { type ApiError, badRequest } from "./errors.ts";

/** The parts of a request's URL that routes look at. */
export type RequestUrl = Pick<URL, "href" | "pathname" | "search" | "searchParams">;

/** What a request with a host that is none gets: nobody can say which path it means, so no path may answer it. */
export function badHost(): ApiError {
  return badRequest("Host", "must be a host name or an address, with its port if there is one: nothing was done");
}

const SLASH = 0x2f;

/** A client of HTTP/1.0, as some load balancers' probes are, need not name a host: the target is the path then. */
export function withHost(request: Request): Request {
  const { url } = request;
  return url.charCodeAt(0) === SLASH && !request.headers.has("host")
    ? new Request(`http://localhost${url}`, request)
    : request;
}

/**
 * Takes URLs of requests apart. The runtime has parsed and normalised them already, unless their host is none: then a URL
 * is the bare target as it came, or cannot be parsed. A second time costs several times what it costs to find the marks in
 * them. So only those with another origin than the last one are parsed again: behind an origin that parsed, nothing else
 * can be wrong.
 */
export class RequestUrls {
  /** With the slash at its end. Of a URL that was parsed in full. */
  #origin: string | undefined;
  /** A request is asked about twice: before anything looks for its path, and by its route. */
  #last: RequestUrl | undefined;

  /** Undefined: its host is none. */
  of(href: string): RequestUrl | undefined {
    if (this.#last?.href === href) return this.#last;
    this.#last =
      this.#origin !== undefined && href.startsWith(this.#origin)
        ? new NormalisedUrl(href, this.#origin.length - 1)
        : this.#parse(href);
    return this.#last;
  }

  #parse(href: string): RequestUrl | undefined {
    const url = URL.canParse(href) ? new URL(href) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
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
