/**
 * Turns buffered writes into mutations, in their order. Writes that Spanner would refuse for their size are
 * refused before they are sent.
 */
import { CodedError } from '../../../foundations/errors.ts';
import { columnName } from '../../column.ts';
import type { AnyRow } from '../../key.ts';
import { MAX_MUTATIONS, mutationsOfRow } from '../../mutation-count.ts';
import type { AnyTable } from '../../table.ts';
import type { WriteGroup } from '../../writes.ts';
import type { Mutation } from '../calls/client.ts';
import { encodeValue, type WireValue } from '../types.ts';

export const MAX_COMMIT_BYTES = 100_000_000;

export function toMutations(groups: readonly WriteGroup[]): Mutation[] {
  checkCount(groups);
  const mutations = groups.map(toMutation);
  checkSize(mutations);
  return mutations;
}

export function encodeKey(table: AnyTable, row: AnyRow): WireValue[] {
  return encodeCells(table, table.key, row);
}

function toMutation({ table, kind, properties, rows }: WriteGroup): Mutation {
  if (kind === 'delete') {
    const keys = rows.map((row) => ({ values: encodeKey(table, row) }));
    return { delete: { table: table.name, keySet: { keys } } };
  }
  const written = {
    table: table.name,
    columns: properties.map(columnName),
    values: rows.map((row) => ({ values: encodeCells(table, properties, row) })),
  };
  if (kind === 'update') return { update: written };
  return kind === 'upsert' ? { insertOrUpdate: written } : { insert: written };
}

function encodeCells(table: AnyTable, properties: readonly string[], row: AnyRow): WireValue[] {
  return properties.map((property) => encodeValue(table.columns[property].kind, row[property]));
}

function checkCount(groups: readonly WriteGroup[]): void {
  let count = 0;
  for (const { table, kind, properties, rows } of groups) {
    count += rows.length * mutationsOfRow(table, kind, properties);
  }
  if (count > MAX_MUTATIONS) {
    throw tooLarge(`${count} cells of rows and indexes`, `${MAX_MUTATIONS}`);
  }
}

function checkSize(mutations: readonly Mutation[]): void {
  const size = mutations.reduce((sum, mutation) => sum + sizeOf(mutation), 0);
  if (size > MAX_COMMIT_BYTES) throw tooLarge(`${size} bytes`, `${MAX_COMMIT_BYTES}`);
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 8;
  let size = 2;
  for (const part of Object.values(value)) size += sizeOf(part);
  return size;
}

function tooLarge(what: string, limit: string): CodedError {
  return new CodedError(
    'resource-exhausted',
    `the transaction writes ${what}, and Spanner commits at most ${limit} at once: split it into several transactions`,
  );
}
