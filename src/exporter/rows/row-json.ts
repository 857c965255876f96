/** Rows as JSON. The records of invocations, which many rows share, are encoded once. */
import type { ExportRow } from './row-kind.ts';
import type { InvocationRecord } from './test-result-row.ts';

interface EncodedRecord {
  readonly json: string;
  /** The length of `json` in UTF-8. */
  readonly bytes: number;
}

const records = new WeakMap<InvocationRecord, EncodedRecord>();

/** Returns the same as `JSON.stringify(row)`. */
export function rowJson(row: ExportRow): string {
  if (!('exported' in row)) return JSON.stringify(row);
  const { exported, parent } = row;
  const others = JSON.stringify({ ...row, exported: undefined, parent: undefined });
  const members = `"exported":${encodeRecord(exported).json},"parent":${encodeRecord(parent).json}`;
  return `{${members},${others.slice(1)}`;
}

/** Encodes each record once, as properties may be long. */
export function encodeRecord(record: InvocationRecord): EncodedRecord {
  let encoded = records.get(record);
  if (encoded === undefined) {
    const json = JSON.stringify(record);
    encoded = { json, bytes: Buffer.byteLength(json) };
    records.set(record, encoded);
  }
  return encoded;
}
