/**
 * Computes the exact size of a row as JSON: limits of requests and of memory are kept by the bytes
 * that are really sent, including repeated records and characters that need escaping.
 */
import type { ExportRow } from './row-kind.ts';
import type { InvocationRecord, TestResultRow } from './test-result-row.ts';

// Characters that JSON escapes: quotes, backslashes, controls, halves of surrogate pairs.
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes these
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;

const recordSizes = new WeakMap<InvocationRecord, number>();

/** Returns the length of `JSON.stringify(row)` in UTF-8. */
export function rowBytes(row: ExportRow): number {
  return 'exported' in row ? resultBytes(row) : jsonBytes(row);
}

function resultBytes(row: TestResultRow): number {
  const { exported, parent, ...own } = row;
  const records = '"exported":,"parent":,'.length + recordBytes(exported) + recordBytes(parent);
  return records + jsonBytes(own);
}

/** Rows share the records of their invocations, so each record is measured once. */
function recordBytes(record: InvocationRecord): number {
  let size = recordSizes.get(record);
  if (size === undefined) {
    size = jsonBytes(record);
    recordSizes.set(record, size);
  }
  return size;
}

function jsonBytes(value: unknown): number {
  if (typeof value === 'string') return stringBytes(value);
  if (typeof value === 'boolean') return value ? 4 : 5;
  if (typeof value === 'number') return String(value).length;
  if (Array.isArray(value)) return listBytes(value.map(jsonBytes));
  const members = Object.entries(value as object).filter(([, member]) => member !== undefined);
  return listBytes(members.map(([name, member]) => name.length + 3 + jsonBytes(member)));
}

/** Adds the brackets, and the commas between items. */
function listBytes(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 2 + Math.max(0, sizes.length - 1));
}

function stringBytes(text: string): number {
  if (NEEDS_ESCAPE.test(text)) return Buffer.byteLength(JSON.stringify(text));
  return Buffer.byteLength(text) + 2;
}
