import { expect, test } from 'vitest';
import { addressRange } from '../config/setting-values.ts';
import { ClientAddresses } from './client-address.ts';

const PROXIES = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '127.0.0.1'].map(addressRange);

function clientOf(remoteAddress: string | undefined, forwarded?: string, proxies = PROXIES) {
  const request = {
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  };
  return new ClientAddresses(proxies).of(request as never);
}

test.each([
  ['the peer itself', '198.51.100.1', undefined, '198.51.100.1'],
  ['a peer in its IPv6 form', '::ffff:198.51.100.1', undefined, '198.51.100.1'],
  ['a peer that is no proxy, whatever it says', '198.51.100.1', '203.0.113.9', '198.51.100.1'],
  ['the client of a proxy', '10.1.2.3', '203.0.113.9', '203.0.113.9'],
  ['the client of a proxy on this machine', '::ffff:127.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['the client of two proxies', '10.1.2.3', '203.0.113.9, 192.0.2.7', '203.0.113.9'],
  ['not what the client added', '10.1.2.3', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
  ['not a proxy that the client added', '10.1.2.3', '10.9.9.9, 203.0.113.9', '203.0.113.9'],
  ['a client inside, if all are proxies', '10.1.2.3', '10.9.9.9, 192.0.2.7', '10.9.9.9'],
  ['the proxy, if it names nobody', '10.1.2.3', undefined, '10.1.2.3'],
  ['the proxy, if what it names is no address', '10.1.2.3', 'unknown', '10.1.2.3'],
  ['the last proxy before nonsense', '10.1.2.3', '1.1.1.1, evil\u001b, 192.0.2.7', '192.0.2.7'],
  ['an address with its port', '10.1.2.3', '203.0.113.9:4711', '203.0.113.9'],
  ['an IPv6 client', '2001:db8::7', '2001:470::1', '2001:470::1'],
  ['an IPv6 client with its port', '2001:db8::7', '[2001:470::1]:4711', '2001:470::1'],
  ['nobody, if the connection is closed', undefined, '203.0.113.9', ''],
])('a request comes from %s', (_whom, peer, forwarded, client) => {
  expect(clientOf(peer, forwarded)).toBe(client);
});

test('without configured proxies, no header changes the address', () => {
  for (const peer of ['10.1.2.3', '127.0.0.1', '::1', '2001:db8::7']) {
    expect(clientOf(peer, '203.0.113.9', [])).toBe(peer);
  }
});

test('a list that a client has filled is read only as far as proxies go', () => {
  const filled = '10.0.0.1, '.repeat(3_000);
  expect(clientOf('10.1.2.3', `203.0.113.9, ${filled}10.0.0.2`)).toBe('10.0.0.1');
});
