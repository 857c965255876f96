/** What can be reached from this machine only. */
import { isIP } from 'node:net';

/** Of a host: an address, without brackets, or `localhost`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Of the other end of a connection; servers on `::` see IPv4 addresses in their IPv6 form. */
export function isLoopbackPeer(address: string | undefined): boolean {
  return isLoopback((address ?? '').replace(/^::ffff:(?=[\d.]+$)/i, ''));
}

/**
 * Of a request's `Host` or `:authority`. A web page can make a browser on this machine call us by a
 * name of its own that it points to 127.0.0.1 ("DNS rebinding"): what is for this machine only must
 * look at the name, too.
 */
export function namesLoopback(authority: string | undefined): boolean {
  const host = URL.parse(`http://${authority ?? ''}`)?.hostname ?? '';
  return isLoopback(host.replace(/^\[|\]$/g, ''));
}
