/**
 * Which pages of other origins may call the server by pRPC (CORS). By default, none. Browsers ask for
 * permission before they send a request with a content type of pRPC, and show pages no response without it. A
 * request without a content type they would send at once, so it is refused here.
 */
import type { NodeServerRequest, NodeServerResponse } from '@postlude/queue/foundations';
import { isFromForeignPage } from '../http/foreign-requests.ts';
import { CODE_HEADER } from './prpc-handler.ts';
import { MAX_RESPONSE_HEADER, TIMEOUT_HEADER } from './request-headers.ts';
import { STATUS_DETAILS_HEADER } from './status-details.ts';

/** Stands for any origin. */
export const ANY_ORIGIN = '*';

const ALLOWED_HEADERS = [
  'Origin',
  'Content-Type',
  'Accept',
  'Authorization',
  'Update-Token',
  TIMEOUT_HEADER,
  MAX_RESPONSE_HEADER,
].join(', ');
const EXPOSED_HEADERS = [
  CODE_HEADER,
  STATUS_DETAILS_HEADER,
  'Update-Token',
  'Error-Reason',
  'Retry-After',
].join(', ');
const PREFLIGHT_SECONDS = 600;

export class CrossOrigin {
  readonly #origins: ReadonlySet<string>;

  /** Origins are written as browsers send them: `https://console.example`. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  allows({ headers: { origin } }: NodeServerRequest): boolean {
    if (origin === undefined) return false;
    return this.#origins.has(origin) || this.#origins.has(ANY_ORIGIN);
  }

  /** True if a page has sent the request without having to ask for permission, and has none. */
  isUnasked(request: NodeServerRequest): boolean {
    const hasType = (request.headers['content-type'] ?? '') !== '';
    return !hasType && isFromForeignPage(request) && !this.allows(request);
  }

  /** Tells a browser what the page may do, on the response to a call or to the question before it. */
  setHeaders(request: NodeServerRequest, response: NodeServerResponse): void {
    if (this.#origins.size > 0) response.setHeader('Vary', 'Origin');
    if (!this.allows(request)) return;
    const origin = request.headers.origin ?? '';
    response.setHeader('Access-Control-Allow-Origin', origin);
    // Cookies of a proxy in front of the server may only be used by pages that are named.
    if (this.#origins.has(origin)) response.setHeader('Access-Control-Allow-Credentials', 'true');
    if (request.method === 'OPTIONS') {
      response.setHeader('Access-Control-Allow-Headers', ALLOWED_HEADERS);
      response.setHeader('Access-Control-Allow-Methods', 'OPTIONS, POST');
      response.setHeader('Access-Control-Max-Age', String(PREFLIGHT_SECONDS));
    } else response.setHeader('Access-Control-Expose-Headers', EXPOSED_HEADERS);
  }
}
