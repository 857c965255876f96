/**
 * Computes the exact size of a row as JSON: limits of requests and of memory are kept by the bytes
 * that are really sent, including repeated records and characters that need escaping.
 */
import { encodeRecord } from './row-json.ts';
import type { ExportRow } from './row-kind.ts';
import type { InvocationRecord } from './test-result-row.ts';

// Characters that JSON escapes: quotes, backslashes, controls, halves of surrogate pairs.
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes these
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;

/**
 * Returns the length of `JSON.stringify(row)` in UTF-8. It makes no copies, as it looks at every value of
 * every row.
 */
export function rowBytes(row: ExportRow): number {
  const isResult = 'exported' in row;
  return objectBytes(row, (value, name) =>
    isResult && (name === 'exported' || name === 'parent')
      ? encodeRecord(value as InvocationRecord).bytes
      : jsonBytes(value),
  );
}

function jsonBytes(value: unknown): number {
  if (typeof value === 'string') return stringBytes(value);
  if (typeof value === 'boolean') return value ? 4 : 5;
  if (typeof value === 'number') return String(value).length;
  return Array.isArray(value) ? listBytes(value) : objectBytes(value as object, jsonBytes);
}

function listBytes(items: readonly unknown[]): number {
  let size = 2 + Math.max(0, items.length - 1);
  for (const item of items) size += jsonBytes(item);
  return size;
}

/** Counts a comma, quotes and a colon for each member, and for all but the first the comma is really there. */
function objectBytes(object: object, bytesOf: (value: unknown, name: string) => number): number {
  let size = 1;
  for (const name in object) {
    const value = object[name as keyof typeof object];
    if (value !== undefined) size += name.length + 4 + bytesOf(value, name);
  }
  return Math.max(2, size);
}

function stringBytes(text: string): number {
  if (NEEDS_ESCAPE.test(text)) return Buffer.byteLength(JSON.stringify(text));
  return Buffer.byteLength(text) + 2;
}
