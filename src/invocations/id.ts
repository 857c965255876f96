/**
 * Ids of invocations: as users know them (`build-123`), in names (`invocations/build-123`), and as
 * keys of rows. A row id begins with a hash, so that ids which count up do not crowd one end of a
 * table, and stays readable and reversible: `ca978112:a`.
 */
import { createHash } from 'node:crypto';
import { CodedError } from '../errors.ts';

export type InvocationId = string & { readonly brand: 'InvocationId' };

/** 8 hex digits of the id's SHA-256, a colon, the id. */
export type RowId = string & { readonly brand: 'InvocationRowId' };

const ID_PATTERN = /^[a-z][a-z0-9_\-:.]{0,99}$/;
const NAME_PREFIX = 'invocations/';
const HASH_DIGITS = 8;

/** Throws `invalid-argument`. */
export function parseInvocationId(text: string): InvocationId {
  if (!ID_PATTERN.test(text)) {
    throw new CodedError(
      'invalid-argument',
      `not an invocation id (${ID_PATTERN.source}): ${JSON.stringify(text.slice(0, 120))}`,
    );
  }
  return text as InvocationId;
}

/** Throws `invalid-argument`. */
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

/** Of a row id that the database holds. */
export function fromRowId(rowId: string): InvocationId {
  if (rowId[HASH_DIGITS] !== ':') throw new CodedError('data-loss', `not a row id: ${rowId}`);
  return rowId.slice(HASH_DIGITS + 1) as InvocationId;
}

/** The order of rows: by bytes, each id once. */
export function toRowOrder(ids: Iterable<InvocationId>): RowId[] {
  return [...new Set(ids)].map(toRowId).sort();
}
