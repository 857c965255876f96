/** Addresses and names that only this machine can reach. */
import { isIP } from 'node:net';

/** Whether a host is this machine: an address, without brackets, or `localhost`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Whether a connection's peer is on this machine. Servers on `::` see IPv4 addresses in their IPv6 form. */
export function isLoopbackPeer(address: string | undefined): boolean {
  return isLoopback((address ?? '').replace(/^::ffff:(?=[\d.]+$)/i, ''));
}

/**
 * Whether a request's `Host` or `:authority` names this machine. A web page can make a browser on this machine
 * call us by a name of its own that resolves to 127.0.0.1 ("DNS rebinding"), so code that serves only this
 * machine must check the name, too.
 */
export function namesLoopback(authority: string | undefined): boolean {
  const host = URL.parse(`http://${authority ?? ''}`)?.hostname ?? '';
  return isLoopback(host.replace(/^\[|\]$/g, ''));
}
