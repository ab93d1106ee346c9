import { ByteReader, ByteWriter } from "../base/index.ts";

const VERSION = 1;
const HEADERS_MAX = 64;

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** A request of a client, as one node hands it to another that leads. */
export interface ForwardedRequest {
  readonly method: string;
  /** Path with its query, percent-encoded as the client sent it. */
  readonly path: string;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

export interface ForwardedAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

export function encodeForwardedRequest({ method, path, headers, body }: ForwardedRequest): Uint8Array {
  const out = new ByteWriter().u8(VERSION).text(method).text(path);
  return writeHeaders(out, headers).bytes(body).finish();
}

/** @throws MalformedBytes, RangeError */
export function decodeForwardedRequest(bytes: Uint8Array): ForwardedRequest {
  const reader = start(bytes);
  const request = {
    method: reader.text(),
    path: reader.text(),
    headers: readHeaders(reader),
    body: reader.bytes(),
  };
  reader.end();
  return request;
}

export function encodeForwardedAnswer({ status, headers, body }: ForwardedAnswer): Uint8Array {
  return writeHeaders(new ByteWriter().u8(VERSION).u32(status), headers).bytes(body).finish();
}

/** @throws MalformedBytes, RangeError */
export function decodeForwardedAnswer(bytes: Uint8Array): ForwardedAnswer {
  const reader = start(bytes);
  const status = reader.u32();
  if (status < 200 || status > 599) throw new RangeError(`${status} is no status of an answer`);
  const answer = { status, headers: readHeaders(reader), body: reader.bytes() };
  reader.end();
  return answer;
}

function start(bytes: Uint8Array): ByteReader {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== VERSION) throw new RangeError(`version ${version} of forwarded requests is unknown here`);
  return reader;
}

function writeHeaders(out: ByteWriter, headers: HeaderList): ByteWriter {
  out.u8(headers.length);
  for (const [name, value] of headers) out.text(name).text(value);
  return out;
}

function readHeaders(reader: ByteReader): HeaderList {
  const count = reader.u8();
  if (count > HEADERS_MAX) throw new RangeError(`${count} headers are too many: at most ${HEADERS_MAX} are forwarded`);
  return Array.from({ length: count }, () => [reader.text(), reader.text()] as const);
}
