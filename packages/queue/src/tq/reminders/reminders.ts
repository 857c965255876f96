/** Reminders in the database: saved, fetched by ranges of their ids, deleted; and the dead ones. */
import { int, textArray, timestamp } from '../../storage/column.ts';
import type { Database, Reader, Transaction } from '../../storage/database.ts';
import { raw, selectList, sql } from '../../storage/sql.ts';
import type { DatabaseTime } from '../../storage/time.ts';
import type { DeadReminder, NewDeadReminder, Reminder, ReminderSummary } from './reminder.ts';
import { deadReminders, reminders } from './table.ts';

/** The ids from `low`, included, to `high`, excluded. */
export interface IdRange {
  readonly low: string;
  readonly high: string;
}

/** "At least ten thousand" is precise enough for a count. */
const MAX_COUNTED = 10_000;
const REDRIVE_BATCH = 500;
const { id, freshUntil, ...stored } = reminders.columns;

/** Reads a range of reminders in the order of their ids. */
export async function readReminderSummaries(
  reader: Reader,
  { low, high }: IdRange,
  { limit, time }: { readonly limit: number; readonly time: DatabaseTime },
): Promise<ReminderSummary[]> {
  const rows = await reader.query(
    sql`SELECT id, fresh_until, ${time.now} AS now FROM ${reminders}
        WHERE id >= ${low} AND id < ${high} ORDER BY id LIMIT ${limit}`,
    { id, freshUntil, now: timestamp },
  );
  return rows.map((row) => ({ id: row.id, staleMs: row.now - row.freshUntil }));
}

/** Reads the reminders that still exist among `ids`, in the order of their ids. */
export async function readReminders(reader: Reader, ids: readonly string[]): Promise<Reminder[]> {
  const keys = ids.map((name) => ({ id: name }));
  const found = await reader.readKeys(reminders, keys, reminders.columns);
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Reads a page of reminders in the order of ids, after the id `after`. */
export async function listReminders(
  reader: Reader,
  page: { readonly after?: string | undefined; readonly limit: number },
): Promise<Omit<Reminder, 'payload'>[]> {
  const { payload: _, ...columns } = { id, freshUntil, ...stored };
  return await reader.query(
    sql`SELECT ${selectList(columns)} FROM ${reminders}
        WHERE id > ${page.after ?? ''} ORDER BY id LIMIT ${page.limit}`,
    columns,
  );
}

/** Reads a page of dead reminders in the order of ids, after the id `after`. */
export async function listDeadReminders(
  reader: Reader,
  page: { readonly after?: string | undefined; readonly limit: number },
): Promise<Omit<DeadReminder, 'payload'>[]> {
  const { payload: _, ...columns } = deadReminders.columns;
  return await reader.query(
    sql`SELECT ${selectList(columns)} FROM ${deadReminders}
        WHERE id > ${page.after ?? ''} ORDER BY id LIMIT ${page.limit}`,
    columns,
  );
}

/** Counts stale reminders among the first 10,000: ids are random, so these represent all. */
export async function countStaleReminders(reader: Reader, { now }: DatabaseTime): Promise<number> {
  const [row] = await reader.query(
    sql`SELECT count(*) AS total FROM (
          SELECT fresh_until FROM ${reminders} ORDER BY id LIMIT ${MAX_COUNTED}) AS first
        WHERE fresh_until <= ${now}`,
    { total: int },
  );
  return row?.total ?? 0;
}

/** Counts dead reminders, up to 10,000. */
export async function countDeadReminders(reader: Reader): Promise<number> {
  const [row] = await reader.query(
    sql`SELECT count(*) AS total FROM (
          SELECT id FROM ${deadReminders} LIMIT ${MAX_COUNTED}) AS first`,
    { total: int },
  );
  return row?.total ?? 0;
}

/** Deletes reminders that were submitted, if they still exist, and moves dead ones to their table. */
export async function settleReminders(
  db: Database,
  submitted: readonly string[],
  dead: readonly NewDeadReminder[],
): Promise<void> {
  if (dead.length === 0 && db.capabilities.skipsLockedRows) {
    await deleteSubmitted(db, submitted);
    return;
  }
  const ids = [...submitted, ...dead.map((reminder) => reminder.id)];
  await db.write(async (tx) => {
    if (dead.length > 0) await tx.upsert(deadReminders, dead);
    await tx.delete(
      reminders,
      ids.map((name) => ({ id: name })),
    );
  });
}

/** Needs no transaction whose outcome is certain: a reminder that is still there is submitted again. */
async function deleteSubmitted(db: Database, submitted: readonly string[]): Promise<void> {
  const isSubmitted = db.dialect.isAnyOf(raw('id'), textArray(submitted));
  await db.statement(sql`DELETE FROM ${reminders} WHERE ${isSubmitted}`, {});
}

/**
 * Makes dead reminders due for the next sweep, in bounded transactions: the one with the id `only`, or
 * all. Returns how many.
 */
export async function redriveReminders(db: Database, only?: string): Promise<number> {
  let redriven = 0;
  let after: string | undefined;
  for (;;) {
    const batch = await db.write((tx) => redrivePage(tx, { only, after }));
    redriven += batch.length;
    after = batch.at(-1);
    if (after === undefined || only !== undefined) return redriven;
  }
}

async function redrivePage(
  tx: Transaction,
  { only, after }: { readonly only: string | undefined; readonly after: string | undefined },
): Promise<string[]> {
  const keys =
    only === undefined
      ? await listDeadReminders(tx, { after, limit: REDRIVE_BATCH })
      : [{ id: only }];
  const dead = await tx.readKeys(deadReminders, keys, deadReminders.columns);
  await tx.upsert(
    reminders,
    // It ceased to be fresh when it was created, so it is stale whatever the time.
    dead.map(({ deadTime: _, reason: __, ...kept }) => ({ ...kept, freshUntil: kept.createTime })),
  );
  await tx.delete(
    deadReminders,
    dead.map((reminder) => ({ id: reminder.id })),
  );
  return dead.map((reminder) => reminder.id).sort();
}
