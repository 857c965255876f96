/**
 * Finds due tasks that wait, of types that have no handler here. They are left alone, as other processes may
 * share the queue and be late. But the handler, or its deployment, may have been forgotten.
 */
import type { EpochMs } from '../../foundations/clock.ts';
import { int, nullable, text, timestamp } from '../../storage/column.ts';
import type { Reader } from '../../storage/database.ts';
import { sql } from '../../storage/sql.ts';
import { isFree, selectDue } from '../lease/due.ts';
import { tasks } from '../table.ts';
import { MAX_COUNTED } from './queue-depth.ts';

export interface UnknownType {
  readonly type: string;
  /** Counted up to 10,000. */
  readonly waiting: number;
}

/** How many types are looked at, by one look-up in the index each. */
const MAX_TYPES = 100;

export async function findUnknownTypes(
  reader: Reader,
  { known, since }: { readonly known: ReadonlySet<string>; readonly since: EpochMs },
): Promise<UnknownType[]> {
  const found: UnknownType[] = [];
  let looked = 0;
  for await (const type of livingTypes(reader)) {
    if (known.has(type)) continue;
    const waiting = await countWaiting(reader, type, since);
    if (waiting > 0) found.push({ type, waiting });
    looked += 1;
    if (looked === MAX_TYPES) break;
  }
  return found;
}

async function countWaiting(reader: Reader, type: string, since: EpochMs): Promise<number> {
  const now = sql`${timestamp(since)}`;
  const request = { type, now, limit: MAX_COUNTED, conditions: [isFree(now)] };
  const [row] = await reader.query(
    sql`SELECT count(*) AS waiting FROM (${selectDue(reader.dialect, request)}) AS waiting_tasks`,
    { waiting: int },
  );
  return row?.waiting ?? 0;
}

async function* livingTypes(reader: Reader): AsyncGenerator<string> {
  let after = '';
  for (;;) {
    const [row] = await reader.query(
      sql`SELECT min(type) AS type FROM ${tasks} WHERE type > ${after}`,
      { type: nullable(text) },
    );
    if (row?.type === undefined) return;
    yield row.type;
    after = row.type;
  }
}
