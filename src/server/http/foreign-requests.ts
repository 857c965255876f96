/**
 * Requests that web pages make a browser send. In local mode, the browser of this machine's user is trusted
 * as everything else on it, but the pages that it shows are not. Browsers say in `Sec-Fetch-Site` and
 * `Origin` where a request comes from, and pages cannot change that. Programs send neither.
 */
import { authorityOf, type NodeServerRequest } from '@postlude/queue/foundations';

const OWN_SITES: readonly unknown[] = [undefined, 'same-origin', 'none'];

/** True if a page of another origin has sent the request. Reading a page by a link remains possible. */
export function isFromForeignPage(request: NodeServerRequest): boolean {
  const { headers, method } = request;
  if (method === 'GET' || method === 'HEAD') return false;
  if (!OWN_SITES.includes(headers['sec-fetch-site'])) return true;
  return headers.origin !== undefined && hostOf(headers.origin) !== authorityOf(request);
}

function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host;
}
