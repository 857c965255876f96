/**
 * Checks of the structures in a configuration file. Each returns the value, or throws an Error that says what
 * is wrong, after the keys that lead there: `[0]: audiences: must be a list of texts`.
 */
import { toError } from '@postlude/queue/foundations';
import { didYouMean } from './nearest-name.ts';

/** Parses a value as it was written. Paths are relative to `folder`. */
export type Shape<T> = (value: unknown, folder: string) => T;

export function nonEmpty(text: string): string {
  if (text.trim() === '') throw new Error('must not be empty');
  return text;
}

export function oneText(value: unknown): string {
  if (typeof value !== 'string') throw new Error('must be a text');
  return nonEmpty(value);
}

export function texts(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) throw new Error('must be a list of texts');
  return value.map(oneText);
}

/** A list of values of one shape. `problem` is reported if the value is not a list. */
export function listOf<T>(shape: Shape<T>, problem: string): Shape<readonly T[]> {
  return (value, folder) => {
    if (!Array.isArray(value)) throw new Error(problem);
    return value.map((entry, index) => inKey(`[${index}]`, () => shape(entry, folder)));
  };
}

/** A mapping with any keys. */
export function mappingOf<T>(
  shape: (value: unknown, key: string) => T,
  problem: string,
): (value: unknown) => Readonly<Record<string, T>> {
  return (value) => {
    if (!isRecord(value)) throw new Error(problem);
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, each]) => [key, inKey(key, () => shape(each, key))]),
    );
  };
}

/** The value of a key that may be missing. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value, folder) => (value === undefined ? value : shape(value, folder));
}

/** A mapping with these keys and no others. */
export function recordOf<T>(
  shapes: { readonly [K in keyof T]-?: Shape<T[K]> },
  problem: string,
): Shape<T> {
  const keys = Object.keys(shapes) as (keyof T & string)[];
  return (value, folder) => {
    if (!isRecord(value)) throw new Error(problem);
    const unknown = Object.keys(value).find((key) => !keys.some((known) => known === key));
    if (unknown) throw new Error(`unknown key ${unknown}${didYouMean(unknown, keys)}`);
    const entries = keys.map(
      (key) => [key, inKey(key, () => shapes[key](value[key], folder))] as const,
    );
    return Object.fromEntries(entries.filter(([, each]) => each !== undefined)) as T;
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Runs a check, and puts `key` in front of the messages of its errors. */
function inKey<T>(key: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new Error(`${key}: ${toError(error).message}`, { cause: error });
  }
}
