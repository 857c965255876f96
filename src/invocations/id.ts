/**
 * Ids of invocations: as users know them (`build-123`), in names (`invocations/build-123`), and as
 * keys of rows. A row id begins with a hash, so that ids with ascending numbers do not all fall at
 * one end of a table, and it stays readable and reversible: `ca978112:a`.
 */
import { createHash } from 'node:crypto';
import { CodedError } from '@postlude/queue/foundations';

export type InvocationId = string & { readonly brand: 'InvocationId' };

/** Eight hex digits of the id's SHA-256, a colon, and the id. */
export type RowId = string & { readonly brand: 'InvocationRowId' };

const ID_PATTERN = /^[a-z][a-z0-9_\-:.]{0,99}$/;
const NAME_PREFIX = 'invocations/';
const HASH_DIGITS = 8;

/** Throws `invalid-argument` if the text is not valid. */
export function parseInvocationId(text: string): InvocationId {
  if (!ID_PATTERN.test(text)) {
    throw new CodedError(
      'invalid-argument',
      `not an invocation id (${ID_PATTERN.source}): ${JSON.stringify(text.slice(0, 120))}`,
    );
  }
  return text as InvocationId;
}

/** Throws `invalid-argument` if the text is not valid. */
export function parseInvocationName(name: string): InvocationId {
  if (!name.startsWith(NAME_PREFIX)) {
    throw new CodedError(
      'invalid-argument',
      `not the name of an invocation (invocations/ID): ${JSON.stringify(name.slice(0, 120))}`,
    );
  }
  return parseInvocationId(name.slice(NAME_PREFIX.length));
}

export function invocationName(id: InvocationId): string {
  return NAME_PREFIX + id;
}

export function toRowId(id: InvocationId): RowId {
  const digest = createHash('sha256').update(id).digest('hex');
  return `${digest.slice(0, HASH_DIGITS)}:${id}` as RowId;
}

/** Converts a row id from the database. */
export function fromRowId(rowId: string): InvocationId {
  if (rowId[HASH_DIGITS] !== ':') throw new CodedError('data-loss', `not a row id: ${rowId}`);
  return rowId.slice(HASH_DIGITS + 1) as InvocationId;
}

/** Returns each row id once, in the order of rows: by bytes. */
export function toRowOrder(ids: Iterable<InvocationId>): RowId[] {
  return [...new Set(ids)].map(toRowId).sort();
}

/** Whether the invocation is among those of `rowIds`, which `toRowOrder` has returned. */
export function isAmong(rowIds: readonly RowId[], id: InvocationId): boolean {
  const rowId = toRowId(id);
  let [first, end] = [0, rowIds.length];
  while (first < end) {
    const middle = (first + end) >>> 1;
    const found = rowIds[middle] ?? rowId;
    if (found === rowId) return true;
    if (found < rowId) first = middle + 1;
    else end = middle;
  }
  return false;
}
