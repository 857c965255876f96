/** What the headers of a pRPC request say about it, checked before anything is read or done. */
import { acceptsGzip, responseFormat } from './accept.ts';
import { type Format, formatOf } from './format.ts';
import { ProtocolProblem } from './protocol-problem.ts';

export const TIMEOUT_HEADER = 'X-Prpc-Grpc-Timeout';
export const MAX_RESPONSE_HEADER = 'X-Prpc-Max-Response-Size';

export interface Asked {
  readonly requestFormat: Format;
  readonly responseFormat: Format;
  readonly acceptsGzip: boolean;
  /** The largest response that the client accepts, before compression. */
  readonly maxResponseBytes: number | undefined;
  readonly timeoutMs: number | undefined;
}

/** Throws ProtocolProblem. */
export function readHeaders(header: Headers): Asked {
  const asked = {
    responseFormat: responseFormat(header.get('accept')),
    acceptsGzip: acceptsGzip(header.get('accept-encoding')),
    maxResponseBytes: maxResponseBytes(header.get(MAX_RESPONSE_HEADER)),
    timeoutMs: timeoutMs(header.get(TIMEOUT_HEADER)),
    requestFormat: requestFormat(header.get('content-type')),
  };
  requireKnownCompression(header.get('content-encoding'));
  requireBinaryMetadata(header);
  return asked;
}

function requestFormat(contentType: string | null): Format {
  if (contentType === null || contentType === '') return 'binary';
  const format = formatOf(contentType);
  if (format) return format;
  throw new ProtocolProblem('bad Content-Type header: this is no content type of pRPC', 415);
}

/** Called after the body's decompression, which removes the header if it knows the compression. */
function requireKnownCompression(encoding: string | null): void {
  if (encoding === null || encoding === 'identity') return;
  throw new ProtocolProblem('bad Content-Encoding header: only gzip is supported', 415);
}

function maxResponseBytes(text: string | null): number | undefined {
  if (text === null) return undefined;
  const bytes = Number(text);
  if (/^\+?\d{1,19}$/.test(text) && bytes > 0) return bytes;
  throw new ProtocolProblem(`bad ${MAX_RESPONSE_HEADER} value: must be a positive number of bytes`);
}

const UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
/** Node.js has no longer timers. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Less than a millisecond is rounded up, since 0 has passed already. */
function timeoutMs(text: string | null): number | undefined {
  if (text === null) return undefined;
  const [, count, unit = ''] = /^([+-]?\d{1,19})([HMSmun])$/.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  if (count !== undefined && unitMs !== undefined)
    return Math.min(Math.ceil(Number(count) * unitMs), MAX_TIMEOUT_MS);
  throw new ProtocolProblem(
    `bad request headers: "${TIMEOUT_HEADER}" header: must be a number and one of the units H, M, S, m, u and n, such as 30S`,
  );
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Metadata whose name ends with `-bin` is in base64. */
function requireBinaryMetadata(header: Headers): void {
  for (const [name, value] of header) {
    if (!name.endsWith('-bin') || name.startsWith('x-prpc-')) continue;
    const values = value.split(',').map((each) => each.trim());
    if (values.every((each) => each.length % 4 === 0 && BASE64.test(each))) continue;
    throw new ProtocolProblem(
      `bad request headers: can't decode header "${name}": it is no base64`,
    );
  }
}
