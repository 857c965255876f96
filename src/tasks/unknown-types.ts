/** Finds tasks that nobody handles: for a dispatcher that is the only one of its queue. */
import type { EpochMs } from '../clock.ts';
import { nullable, text, timestamp } from '../storage/column.ts';
import type { Database } from '../storage/database.ts';
import { sql } from '../storage/sql.ts';
import { tasks } from './table.ts';
import type { Lease } from './task.ts';

const LEASE_MS = 60_000;
const BATCH = 100;

/** What this needs of the queue. */
interface Queue {
  leaseDue(type: string, limit: number, leaseMs: number): Promise<Lease[]>;
  bury(lease: Lease, reason: string): Promise<unknown>;
}

/** Moves due tasks of types that are not `known` to the dead ones. Answers how many. */
export async function buryUnknownTypes(
  parts: { readonly db: Database; readonly queue: Queue; readonly now: EpochMs },
  known: ReadonlySet<string>,
): Promise<number> {
  let buried = 0;
  for await (const type of dueTypes(parts.db, parts.now)) {
    if (known.has(type)) continue;
    const leases = await parts.queue.leaseDue(type, BATCH, LEASE_MS);
    for (const lease of leases) {
      await parts.queue.bury(lease, `no handler for tasks of type ${type}`);
      buried += 1;
    }
  }
  return buried;
}

/** Each type with due tasks, by one index look-up each. */
async function* dueTypes(db: Database, now: EpochMs): AsyncGenerator<string> {
  let after = '';
  for (;;) {
    const [row] = await db.read((tx) =>
      tx.query(
        sql`SELECT min(type) AS type FROM ${tasks}
            WHERE type > ${after} AND process_after <= ${timestamp(now)}`,
        { type: nullable(text) },
      ),
    );
    if (row?.type === undefined) return;
    yield row.type;
    after = row.type;
  }
}
