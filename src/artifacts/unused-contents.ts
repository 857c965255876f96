/**
 * The contents outside of the database that no artifact has. A content is reserved here before it is
 * written, and the transaction that records its artifact deletes the row. The one that deletes the artifact
 * adds it again. So whatever dies at whatever moment, each content either has an artifact, or is found here
 * and deleted.
 *
 * Deleting takes three steps, since the content is not part of a transaction: the row is claimed, the
 * content removed, and the row deleted. No artifact can take a content that has been claimed.
 */
import { CodedError, type EpochMs } from '@postlude/queue/foundations';
import {
  bool,
  type Reader,
  sql,
  type Transaction,
  table,
  text,
  timestamp,
} from '@postlude/queue/storage';

export const unusedContents = table(
  'unused_contents',
  { contentKey: text, collectTime: timestamp, isClaimed: bool },
  ['contentKey'],
);

/** Longer than any upload takes. */
const RESERVED_MS = 24 * 3_600_000;

/** Is called before the contents are written. */
export async function reserveContents(
  tx: Transaction,
  keys: readonly string[],
  now: EpochMs,
): Promise<void> {
  await insertUnused(tx, keys, now + RESERVED_MS);
}

/** Is called in the transaction that deletes the artifacts of these contents. */
export async function releaseContents(
  tx: Transaction,
  keys: readonly string[],
  now: EpochMs,
): Promise<void> {
  await insertUnused(tx, keys, now);
}

async function insertUnused(
  tx: Transaction,
  keys: readonly string[],
  collectTime: EpochMs,
): Promise<void> {
  await tx.insert(
    unusedContents,
    keys.map((contentKey) => ({ contentKey, collectTime, isClaimed: false })),
  );
}

/** Is called in the transaction that records the artifacts of these contents. */
export async function useContents(tx: Transaction, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  const rows = keys.map((contentKey) => ({ contentKey }));
  const columns = { isClaimed: bool };
  const found = await tx.lockKeys(unusedContents, rows, { columns, lock: 'update' });
  if (found.length < keys.length || found.some(({ isClaimed }) => isClaimed)) {
    throw new CodedError('unavailable', 'the upload took so long that its content was deleted');
  }
  await tx.delete(unusedContents, rows);
}

/** Gives up reserved contents that are not needed. */
export async function giveUpContents(
  tx: Transaction,
  keys: readonly string[],
  now: EpochMs,
): Promise<void> {
  if (keys.length === 0) return;
  const rows = keys.map((contentKey) => ({ contentKey }));
  const columns = { contentKey: text };
  const found = await tx.lockKeys(unusedContents, rows, { columns, lock: 'update' });
  await tx.update(
    unusedContents,
    found.map(({ contentKey }) => ({ contentKey, collectTime: now })),
  );
}

/** Returns keys of contents that may be deleted, in order. */
export async function findUnused(
  reader: Reader,
  { after, limit, now }: { readonly after: string; readonly limit: number; readonly now: EpochMs },
): Promise<string[]> {
  const rows = await reader.query(
    sql`SELECT content_key FROM ${unusedContents}
        WHERE content_key > ${after} AND collect_time <= ${timestamp(now)}
        ORDER BY content_key LIMIT ${limit}`,
    { contentKey: text },
  );
  return rows.map(({ contentKey }) => contentKey);
}

/** Returns those of the contents that may be deleted, which no artifact can take from now on. */
export async function claimUnused(
  tx: Transaction,
  keys: readonly string[],
  now: EpochMs,
): Promise<string[]> {
  const rows = keys.map((contentKey) => ({ contentKey }));
  const columns = { contentKey: text, collectTime: timestamp };
  const found = await tx.lockKeys(unusedContents, rows, { columns, lock: 'update' });
  const due = found.filter(({ collectTime }) => collectTime <= now);
  const claimed = due.map(({ contentKey }) => ({ contentKey, isClaimed: true }));
  await tx.update(unusedContents, claimed);
  return claimed.map(({ contentKey }) => contentKey);
}

/** Is called once the contents have been removed. */
export async function forgetUnused(tx: Transaction, keys: readonly string[]): Promise<void> {
  await tx.delete(
    unusedContents,
    keys.map((contentKey) => ({ contentKey })),
  );
}
