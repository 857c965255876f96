/** Counts what a pass would delete now, and deletes nothing. */
import type { EpochMs } from '@postlude/queue/foundations';
import type { Reader } from '@postlude/queue/storage';
import { int, type Sql, shardsOf, sql, timestamp } from '@postlude/queue/storage';
import { artifacts } from '../artifacts/artifacts.ts';
import { toRowId, toRowOrder } from '../invocations/id.ts';
import { includedInvocations } from '../invocations/inclusions.ts';
import { invocations } from '../invocations/table.ts';
import { testResults } from '../results/test-results.ts';
import { attemptIds, expiredAttemptIds } from './attempt-family.ts';
import { type Deleted, sumDeleted } from './deleted.ts';
import { type Expired, type Expiry, expiredPages, IS_SETTLED } from './expired.ts';
import { OWNED_TABLES } from './owned-tables.ts';
import { countAged, DEAD_TABLES } from './purge-aged-rows.ts';
import {
  countArtifacts,
  type ExpectedResultsStep,
  findDeletable,
} from './purge-expected-results.ts';
import type { PurgeOptions, PurgerParts } from './purger.ts';

/** Takes the same parts and options as `purgeExpired`, and returns the same sums. */
export async function countExpired(
  { clock, db, deadTaskMs }: PurgerParts,
  { batchRows = 1_000, pageRows: limit = 200, onDeleted, signal }: PurgeOptions = {},
): Promise<Deleted> {
  const now = clock.now();
  let counted: Deleted = {};
  const add = async (read: (reader: Reader) => Promise<Deleted>): Promise<void> => {
    if (signal?.aborted) return;
    const deleted = await db.read(read);
    counted = sumDeleted(counted, deleted);
    onDeleted?.(deleted);
  };
  const count = { invocation: countInvocation, 'expected-results': countExpectedResults };
  for (const shard of shardsOf(db.dialect)) {
    for (const expiry of Object.keys(count) as Expiry[]) {
      for await (const page of expiredPages(db, { expiry, shard, now, limit })) {
        for (const expired of page) {
          await add((reader) => count[expiry](reader, expired, { now, batchRows }));
        }
      }
    }
  }
  for (const aged of DEAD_TABLES) {
    await add(async (reader) => ({
      [aged.table.name]: await countAged(reader, aged, now - deadTaskMs),
    }));
  }
  return counted;
}

interface Counting {
  readonly now: EpochMs;
  readonly batchRows: number;
}

async function countInvocation(
  reader: Reader,
  expired: Expired,
  { now }: Counting,
): Promise<Deleted> {
  const attempts = await expiredAttemptIds(reader, expired, now);
  if (!attempts.includes(expired.id)) return {};
  const rowId = toRowId(expired.id);
  const counts: Deleted[] = [{ [invocations.name]: 1 }];
  for (const table of [artifacts, ...OWNED_TABLES]) {
    const rows = await countRows(reader, sql`${table} WHERE invocation_id = ${rowId}`);
    counts.push({ [table.name]: rows });
  }
  // The inclusions by which an invocation includes it that expires as well have been counted there.
  const includers = await countRows(
    reader,
    sql`${includedInvocations} AS e WHERE e.included_invocation_id = ${rowId}
        AND (SELECT CASE WHEN i.expiration_time <= ${timestamp(now)} AND ${IS_SETTLED} THEN 1 ELSE 0 END
             FROM ${invocations} AS i WHERE i.invocation_id = e.invocation_id) = 0`,
  );
  return sumDeleted(...counts, { [includedInvocations.name]: includers });
}

async function countRows(reader: Reader, from: Sql): Promise<number> {
  const [row] = await reader.query(sql`SELECT count(*) AS total FROM ${from}`, {
    total: int,
  });
  return row?.total ?? 0;
}

async function countExpectedResults(
  reader: Reader,
  expired: Expired,
  { batchRows: limit }: Counting,
): Promise<Deleted> {
  const attempts = toRowOrder(await attemptIds(reader, expired));
  let rows = 0;
  let artifactRows = 0;
  let after: ExpectedResultsStep['next'];
  do {
    const page = { id: expired.id, attempts, after, limit };
    const { deletable, next } = await findDeletable(reader, page);
    rows += deletable.length;
    artifactRows += await countArtifacts(reader, deletable);
    after = next;
  } while (after !== undefined);
  return sumDeleted({ [testResults.name]: rows, [artifacts.name]: artifactRows });
}
