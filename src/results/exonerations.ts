/** The rows of exonerations. An exoneration that is recorded again replaces the stored one. */

import {
  emptySql,
  int,
  nullable,
  type Reader,
  type Row,
  sql,
  type Transaction,
  table,
  text,
  textArray,
} from '@postlude/queue/storage';
import { fromRowId, type InvocationId, toRowId } from '../invocations/id.ts';
import type { Snapshots } from '../invocations/reachable.ts';
import {
  hashOf,
  type NewTestExoneration,
  type TestExoneration,
  type TestExonerationKey,
} from './exoneration.ts';
import { LongRows, type SizedRow } from './long-rows.ts';
import { messageBytes } from './message-bytes.ts';
import { type Page, type PageRequest, readPage, type Sized } from './page.ts';
import { matcherOf, type TestVariantPredicate } from './predicate.ts';
import { formatVariant, parseVariant, variantHash } from './variant.ts';

export const exonerations = table(
  'test_exonerations',
  {
    invocationId: text,
    testId: text,
    exonerationId: text,
    variant: textArray,
    variantHash: text,
    explanationHtml: nullable(text),
    reason: nullable(int),
  },
  ['invocationId', 'testId', 'exonerationId'],
);

/** The caller has called `requireActive` for the invocation. */
export async function recordExonerations(
  tx: Transaction,
  invocationId: InvocationId,
  recorded: readonly NewTestExoneration[],
): Promise<void> {
  const rowId = toRowId(invocationId);
  await tx.upsert(
    exonerations,
    recorded.map((exoneration) => ({
      invocationId: rowId,
      testId: exoneration.testId,
      exonerationId: exoneration.exonerationId,
      variant: formatVariant(exoneration.variant),
      variantHash: hashOf(exoneration),
      explanationHtml: exoneration.explanationHtml || undefined,
      reason: exoneration.reason || undefined,
    })),
  );
}

/** Returns `undefined` if there is no such exoneration. */
export async function readExoneration(
  reader: Reader,
  key: TestExonerationKey,
): Promise<TestExoneration | undefined> {
  const rowKey = { ...key, invocationId: toRowId(key.invocationId) };
  const [row] = await reader.readKeys(exonerations, [rowKey], exonerations.columns);
  return row && fromRow(row);
}

export interface ExonerationsRequest extends PageRequest {
  readonly predicate?: TestVariantPredicate;
}

/**
 * Reads a page of the exonerations of many invocations, in the order (row id of the invocation,
 * test id, exoneration id). Throws `invalid-argument` if a pattern is invalid: see `matcherOf`.
 */
export async function exonerationsPage(
  snapshots: Snapshots,
  request: ExonerationsRequest,
): Promise<Page<TestExoneration>> {
  const { predicate = {} } = request;
  const { variant } = predicate;
  const long = ['variant', 'explanationHtml'] as const;
  const condition =
    variant && 'equals' in variant
      ? sql` AND variant_hash = ${variantHash(variant.equals)}`
      : emptySql;
  return await readPage<TestExoneration>(snapshots, request, {
    itemColumn: 'exoneration_id',
    maxRows: LongRows.maxRows,
    rowsOf(reader) {
      const rows = new LongRows(reader, { table: exonerations, long });
      return {
        select: rows.select,
        condition,
        async *read(query) {
          for await (const group of rows.read(query)) yield group.map(toSized);
        },
      };
    },
    positionOf: ({ invocationId, testId, exonerationId }) => ({
      invocationId,
      testId,
      itemId: exonerationId,
    }),
    filter: matcherOf(predicate),
  });
}

function toSized({ bytes, row }: SizedRow<typeof exonerations>): Sized<TestExoneration> {
  return { item: fromRow(row), bytes: bytes + messageBytes(row) };
}

function fromRow(row: Row<typeof exonerations>): TestExoneration {
  return {
    invocationId: fromRowId(row.invocationId),
    testId: row.testId,
    exonerationId: row.exonerationId,
    variant: parseVariant(row.variant),
    variantHash: row.variantHash,
    explanationHtml: row.explanationHtml ?? '',
    reason: row.reason ?? 0,
  };
}
