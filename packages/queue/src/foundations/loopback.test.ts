import { expect, test } from 'vitest';
import { isLoopback, isLoopbackPeer, namesLoopback } from './loopback.ts';
import { safeUrl } from './safe-url.ts';

test.each(['localhost', '127.0.0.1', '127.8.9.10', '::1'])('%s is this machine', (host) => {
  expect(isLoopback(host)).toBe(true);
});

test.each(['', '0.0.0.0', '::', '10.0.0.1', 'localhost.example.com', '127.0.0.1.example.com'])(
  '%j may be another machine',
  (host) => {
    expect([isLoopback(host), isLoopbackPeer(host), namesLoopback(host)]).toEqual([
      false,
      false,
      false,
    ]);
  },
);

test('recognizes a peer in its IPv6 form, and treats an unknown one as another machine', () => {
  expect(isLoopbackPeer('::ffff:127.0.0.1')).toBe(true);
  expect(isLoopbackPeer('::ffff:10.0.0.1')).toBe(false);
  expect(isLoopbackPeer('::1')).toBe(true);
  expect(isLoopbackPeer(undefined)).toBe(false);
});

test('reads the host of an authority with and without port', () => {
  const named = ['localhost', 'localhost:80', '127.0.0.1:8010', '[::1]', '[::1]:8010'];
  expect(named.filter((authority) => !namesLoopback(authority))).toEqual([]);
  const others = ['evil.example.com:80', 'localhost.example.com', '', ':80', '[::2]:80'];
  expect(others.filter(namesLoopback)).toEqual([]);
  expect(namesLoopback(undefined)).toBe(false);
});

test('a URL is safe if others cannot eavesdrop on it', () => {
  for (const url of ['https://a.example.com/x', 'http://127.0.0.1:1/', 'http://[::1]:1/']) {
    expect(safeUrl(url)).toBe(url);
  }
  expect(() => safeUrl('http://a.example.com')).toThrow('must begin with https://');
  expect(() => safeUrl('not one')).toThrow('must be a URL');
});
