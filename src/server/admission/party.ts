/**
 * Whom a call is counted for: the identity of its bearer token, the realm of its update token, or the
 * address that it comes from if it shows neither.
 */
import { isIPv6 } from 'node:net';

export interface Party {
  readonly kind: 'identity' | 'realm' | 'address';
  /** `user:alice@example.com`, `realm:ci:main`, `address:192.0.2.1`. */
  readonly name: string;
}

export function identityParty(identity: string): Party {
  return { kind: 'identity', name: identity };
}

export function realmParty(realm: string): Party {
  return { kind: 'realm', name: `realm:${realm}` };
}

/** One host may have all addresses of a network of IPv6, so these count as one. */
export function addressParty(address: string): Party {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return { kind: 'address', name: `address:${isIPv6(plain) ? networkOf(plain) : plain}` };
}

const NETWORK_GROUPS = 4;

/** Returns the first 64 bits. */
function networkOf(address: string): string {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  const groups = [...first, ...Array<string>(Math.max(zeros, 0)).fill('0'), ...last];
  const network = groups.slice(0, NETWORK_GROUPS).map((each) => Number.parseInt(each, 16));
  return `${network.map((each) => each.toString(16)).join(':')}::/64`;
}
