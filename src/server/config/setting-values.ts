/**
 * Parses the values of settings: `30s`, `16MiB`, `127.0.0.1:8010`, `pglite:data`. Each parser returns
 * the value or throws an Error that describes a valid value. Durations and sizes are written with their
 * units, so that nobody has to guess them.
 */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseDatabaseName } from '../../storage/spanner/database-name.ts';
import { nonEmpty } from './shapes.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0 takes a free port, which the server prints. */
  readonly port: number;
}

export type DatabaseLocation =
  | { readonly kind: 'memory' }
  | { readonly kind: 'pglite'; readonly folder: string }
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'spanner'; readonly url: string };

const DURATION_UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const SIZE_UNITS_BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Creates a parser of whole numbers within bounds. */
export function count(bounds: Bounds): (text: string) => number {
  return (text) => {
    if (!/^\d{1,15}$/.test(text)) throw new Error('must be a whole number');
    return within(Number(text), bounds, String);
  };
}

/** Creates a parser of durations, in milliseconds: `500ms`, `30s`, `2m`, `1h`. */
export function duration(bounds: Bounds): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text);
    if (!match) throw new Error('must be a duration with its unit, such as 500ms, 30s, 2m or 1h');
    const ms = Number(match[1]) * DURATION_UNITS_MS[match[2] as keyof typeof DURATION_UNITS_MS];
    return within(ms, bounds, (value) => `${value}ms`);
  };
}

/** Creates a parser of sizes, in bytes: `512KiB`, `16MiB`. */
export function size(bounds: Bounds): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,12})(B|KiB|MiB|GiB)$/.exec(text);
    if (!match) throw new Error('must be a size with its unit, such as 512KiB or 16MiB');
    const bytes = Number(match[1]) * SIZE_UNITS_BYTES[match[2] as keyof typeof SIZE_UNITS_BYTES];
    return within(bytes, bounds, (value) => `${value}B`);
  };
}

export function flag(text: string): boolean {
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw new Error('must be true or false');
}

/** Creates a parser that accepts one of several words. */
export function choice<const T extends string>(...words: readonly T[]): (text: string) => T {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw new Error(`must be one of ${words.join(', ')}`);
    return word;
  };
}

export function word(text: string): string {
  if (!/^\S+$/.test(text)) throw new Error('must be one word');
  return text;
}

/** Accepts `host` and `host:port`, optionally after a scheme, but no path. */
export function targetHost(text: string): string {
  const isOne = /^(https?:\/\/)?([\w.-]+|\[[\da-fA-F:]+\])(:\d{1,5})?$/.test(text);
  if (!isOne) throw new Error('must be host[:port], or http:// or https:// and that');
  return text;
}

/** Parses a prefix for the names of tasks. */
export function namespace(text: string): string {
  if (!/^[a-zA-Z_]\w{0,49}$/.test(text)) throw new Error('must be up to 50 of A-Z a-z 0-9 _');
  return text;
}

/** Accepts `host:port`, and returns it unchanged. */
export function hostAndPort(text: string): string {
  listenAddress(text);
  return text;
}

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

/** Relative paths are resolved against `folder`. */
export function databaseLocation(text: string, folder: string): DatabaseLocation {
  if (text === 'memory:') return { kind: 'memory' };
  if (text.startsWith('pglite:')) {
    const path = text.slice('pglite:'.length);
    if (path === '') throw new Error('names no folder: pglite:PATH');
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

export function path(text: string, folder: string): string {
  return resolve(folder, nonEmpty(text));
}

/** Parses several words, separated by commas. */
export function words(text: string): readonly string[] {
  return text.split(',').map((word) => nonEmpty(word).trim());
}

function within(value: number, { min, max }: Bounds, format: (value: number) => string): number {
  if (value >= min && value <= max) return value;
  throw new Error(`must be between ${format(min)} and ${format(max)}`);
}

/** Whether only this process can open the database. */
export function isEmbedded({ kind }: DatabaseLocation): boolean {
  return kind === 'memory' || kind === 'pglite';
}
