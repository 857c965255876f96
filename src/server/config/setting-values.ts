/** Addresses and databases, as they are written: `127.0.0.1:8010`, `pglite:data`. */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseDatabaseName } from '@postlude/queue/spanner';

export interface ListenAddress {
  readonly host: string;
  /** 0 takes a free port, which the server prints. */
  readonly port: number;
}

/** The addresses whose first bits are those of `address`. */
export interface AddressRange {
  readonly address: string;
  readonly bits: number;
}

export type DatabaseLocation =
  | { readonly kind: 'memory' }
  | { readonly kind: 'pglite'; readonly folder: string }
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'spanner'; readonly url: string };

/** Parses `host:port`. IPv6 addresses need brackets. */
export function listenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || (match?.[1] !== undefined && isIP(host) !== 6)) {
    throw new Error('must be host:port, such as 127.0.0.1:8010 or [::1]:8010');
  }
  if (port > 65_535) throw new Error('has a port above 65535');
  return { host, port };
}

/** Accepts `host:port`, and returns it unchanged. */
export function hostAndPort(text: string): string {
  listenAddress(text);
  return text;
}

/** Parses an IP address, or a range of them: `10.0.0.0/8`. */
export function addressRange(text: string): AddressRange {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  const maxBits = family === 4 ? 32 : 128;
  const isRange = bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= maxBits);
  if (family === 0 || !isRange || more.length > 0) {
    throw new Error('must be IP addresses or ranges, such as 192.0.2.7, 10.0.0.0/8 or fd00::/8');
  }
  return { address, bits: bits === undefined ? maxBits : Number(bits) };
}

/** Accepts an origin as browsers send it, or `*`, and returns it unchanged. */
export function webOrigin(text: string): string {
  if (text === '*' || URL.parse(text)?.origin === text) return text;
  throw new Error(
    'must be origins, such as https://console.example or http://localhost:3000, or *',
  );
}

/** Accepts an origin as browsers send it, and returns it unchanged. */
export function origin(text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '') && URL.parse(text)?.origin === text)
    return text;
  throw new Error('must be an origin, such as https://artifacts.example');
}

/** Relative paths are resolved against `folder`. */
export function databaseLocation(text: string, folder: string): DatabaseLocation {
  if (text === 'memory:') return { kind: 'memory' };
  if (text.startsWith('pglite:')) {
    const path = text.slice('pglite:'.length);
    if (path === '') throw new Error('must name a folder: pglite:PATH');
    return { kind: 'pglite', folder: resolve(folder, path) };
  }
  if (/^postgres(ql)?:\/\//.test(text)) return { kind: 'postgres', url: text };
  if (text.startsWith('spanner:')) {
    parseDatabaseName(text);
    return { kind: 'spanner', url: text };
  }
  throw new Error(
    'must be pglite:PATH, memory:, postgres://user@host:port/database or spanner://project/instance/database',
  );
}

/** Whether only this process can open the database. */
export function isEmbedded({ kind }: DatabaseLocation): boolean {
  return kind === 'memory' || kind === 'pglite';
}
