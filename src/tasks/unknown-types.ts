/** Finds tasks that nobody handles: for a dispatcher that is the only one of its queue. */
import { nullable, text } from '../storage/column.ts';
import type { Database } from '../storage/database.ts';
import { sql } from '../storage/sql.ts';
import type { Settlement } from './settlement.ts';
import { tasks } from './table.ts';
import type { Lease } from './task.ts';

const LEASE_MS = 60_000;
const BATCH = 500;

/** What this needs of the queue. */
interface Queue {
  leaseDue(type: string, limit: number, leaseMs: number): Promise<Lease[]>;
  settleAll(settlements: readonly Settlement[]): Promise<unknown>;
}

/** Moves due tasks of types that are not `known` to the dead ones, some of each. Answers how many. */
export async function buryUnknownTypes(
  parts: { readonly db: Database; readonly queue: Queue },
  known: ReadonlySet<string>,
): Promise<number> {
  let buried = 0;
  for await (const type of livingTypes(parts.db)) {
    if (known.has(type)) continue;
    const leases = await parts.queue.leaseDue(type, BATCH, LEASE_MS);
    const reason = `no handler for tasks of type ${type}`;
    await parts.queue.settleAll(leases.map((lease) => ({ lease, outcome: 'dropped', reason })));
    buried += leases.length;
  }
  return buried;
}

/** By one look-up in the index each. */
async function* livingTypes(db: Database): AsyncGenerator<string> {
  let after = '';
  for (;;) {
    const [row] = await db.read((tx) =>
      tx.query(sql`SELECT min(type) AS type FROM ${tasks} WHERE type > ${after}`, {
        type: nullable(text),
      }),
    );
    if (row?.type === undefined) return;
    yield row.type;
    after = row.type;
  }
}
