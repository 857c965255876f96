/**
 * Checks of values and the text form of times, shared by all backends so that they refuse the same values.
 */
import { CodedError } from '../../foundations/errors.ts';

/** Not every database can store U+0000, and a lone surrogate would silently become another character. */
export function checkedText(text: string): string {
  if (text.includes('\0')) {
    throw new CodedError('invalid-argument', 'text must not contain the NUL character (U+0000)');
  }
  if (!text.isWellFormed()) {
    throw new CodedError('invalid-argument', 'text must not contain half a surrogate pair');
  }
  return text;
}

interface Primitives {
  string: string;
  number: number;
  boolean: boolean;
}

export function expectType<K extends keyof Primitives>(value: unknown, type: K): Primitives[K] {
  if (typeof value !== type) throw wrongType(value, `a ${type}`);
  return value as Primitives[K];
}

export function wrongType(value: unknown, wanted: string): CodedError {
  return new CodedError('invalid-argument', `expected ${wanted}, got ${describe(value)}`);
}

function describe(value: unknown): string {
  return typeof value === 'number' ? String(value) : value === null ? 'null' : typeof value;
}

const DAY_MS = 86_400_000;
/** The range of a Date: 100 million days before and after the epoch. */
const MAX_DATE_MS = 100_000_000 * DAY_MS;

/** Returns the time as RFC 3339 in UTC, with six digits after the second. */
export function encodeTimestamp(value: unknown): string {
  const ms = expectType(value, 'number');
  if (!(Math.abs(ms) <= MAX_DATE_MS)) throw wrongType(value, 'a time in milliseconds');
  // The fraction alone is exact; the whole time multiplied by 1000 would not be.
  const rounded = Math.round((ms - Math.floor(ms)) * 1000);
  const date = new Date(Math.floor(ms) + (rounded === 1000 ? 1 : 0));
  const fraction = String(rounded % 1000).padStart(3, '0');
  const year = date.getUTCFullYear();
  // In ISO strings the year 1 BC is 0, and earlier ones have a sign; PostgreSQL expects an era.
  if (year < 1) throw wrongType(value, 'a time after the year 0');
  return `${year.toString().padStart(4, '0')}${isoAfterYear(date).replace('Z', `${fraction}Z`)}`;
}

function isoAfterYear(date: Date): string {
  const iso = date.toISOString();
  return iso.slice(iso.indexOf('-', 1));
}

/** Adds microseconds to whole milliseconds, and returns the nearest number. */
export function joinTime(wholeMs: number, micros: number): number {
  const exact = wholeMs * 1000 + micros;
  // One division gives the nearest double. Far from the epoch, the product itself would be rounded.
  return Number.isSafeInteger(exact) ? exact / 1000 : wholeMs + micros / 1000;
}

export function encodeInt(value: unknown): string {
  if (!Number.isSafeInteger(value)) throw wrongType(value, 'a whole number within 2^53');
  return String(value);
}

export function decodeInt(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new CodedError('data-loss', `a stored number is beyond 2^53: ${text}`);
  }
  return value;
}
