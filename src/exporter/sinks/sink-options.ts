/**
 * The options of a sink, in one table for each kind: parsing, errors and documentation are derived
 * from it. A parser returns the value or throws an Error that says what would be right.
 */
import { resolve } from 'node:path';

export interface SinkOption<T> {
  /** What it takes, for people: `name`, `true | false`. */
  readonly takes: string;
  readonly description: string;
  /** Is called with `undefined` if the option is left out. Paths are relative to `folder`. */
  readonly parse: (value: unknown, folder: string) => T;
}

export type SinkOptions = Readonly<Record<string, SinkOption<unknown>>>;

/** The values of a table of options. */
export type OptionValues<S extends SinkOptions> = {
  readonly [K in keyof S]: S[K] extends SinkOption<infer T> ? T : never;
};

export function text(description: string, takes = 'text'): SinkOption<string> {
  return { takes, description, parse: parseText };
}

/** A path, resolved against the folder of the configuration file. */
export function folder(description: string): SinkOption<string> {
  return {
    takes: 'path',
    description,
    parse: (value, base) => resolve(base, parseText(value)),
  };
}

/** An `http://` or `https://` URL, without a trailing slash. */
export function url(description: string): SinkOption<string> {
  return {
    takes: 'url',
    description,
    parse: (value) => {
      const given = parseText(value);
      if (!/^https?:\/\/\S+$/.test(given)) throw new Error('must be an http:// or https:// URL');
      return given.replace(/(?<!\/)\/+$/, '');
    },
  };
}

export function choice<const T extends string>(
  description: string,
  ...words: readonly T[]
): SinkOption<T> {
  return {
    takes: words.join(' | '),
    description,
    parse: (value) => {
      const word = words.find((candidate) => candidate === value);
      if (word === undefined) throw new Error(`must be one of ${words.join(', ')}`);
      return word;
    },
  };
}

export function flag(description: string): SinkOption<boolean> {
  return {
    takes: 'true | false',
    description,
    parse: (value) => {
      if (typeof value !== 'boolean') throw new Error('must be true or false');
      return value;
    },
  };
}

/** Makes an option one that may be left out; `byDefault` then takes its place. */
export function optional<T>(option: SinkOption<T>): SinkOption<T | undefined>;
export function optional<T>(option: SinkOption<T>, byDefault: T): SinkOption<T>;
export function optional<T>(option: SinkOption<T>, byDefault?: T): SinkOption<T | undefined> {
  return {
    ...option,
    parse: (value, base) => (value === undefined ? byDefault : option.parse(value, base)),
  };
}

function parseText(value: unknown): string {
  if (value === undefined || value === null) throw new Error('must be set');
  if (typeof value !== 'string' && typeof value !== 'number') throw new Error('must be a text');
  const given = String(value).trim();
  if (given === '') throw new Error('must not be empty');
  return given;
}
