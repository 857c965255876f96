/**
 * The address that a request comes from. By default it is the other end of the connection, whatever headers
 * say, because anybody can send them. Only proxies that the configuration trusts may name another one, in
 * `X-Forwarded-For`: each of them appends the address that it was called from, so the list is read from its
 * end, up to the first address that is no such proxy. What comes before it is only the word of the client.
 */
import { BlockList, isIP } from 'node:net';
import type { NodeServerRequest } from '@postlude/queue/foundations';
import type { AddressRange } from '../config/setting-values.ts';

/** More proxies in a row than anybody has. */
const MAX_PROXIES = 16;

export class ClientAddresses {
  readonly #proxies = new BlockList();

  constructor(trustedProxies: readonly AddressRange[]) {
    for (const { address, bits } of trustedProxies) {
      this.#proxies.addSubnet(address, bits, familyOf(address));
    }
  }

  isProxy(address: string | undefined): boolean {
    const plain = withoutPrefix(address ?? '');
    return isIP(plain) !== 0 && this.#proxies.check(plain, familyOf(plain));
  }

  /** Returns an IP address; the empty string if the connection is closed already. */
  of({ headers, socket }: Pick<NodeServerRequest, 'headers' | 'socket'>): string {
    let client = withoutPrefix(socket.remoteAddress ?? '');
    if (!this.isProxy(client)) return client;
    const forwarded = [headers['x-forwarded-for'] ?? ''].flat().join(',').split(',');
    for (const entry of forwarded.slice(-MAX_PROXIES).reverse()) {
      const address = withoutPrefix(withoutPort(entry.trim()));
      if (isIP(address) === 0) return client; // The proxy that vouches for it did not write it.
      client = address;
      if (!this.isProxy(client)) return client;
    }
    return client;
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}

/** Servers on `::` see IPv4 addresses in their IPv6 form. */
function withoutPrefix(address: string): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/i, '');
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(entry: string): string {
  return entry.replace(/^\[([\da-f:.]+)\](?::\d+)?$/i, '$1').replace(/^([\d.]+):\d+$/, '$1');
}
