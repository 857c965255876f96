/**
 * Tells which commits landed, by rows that the transactions themselves wrote, as nothing else survives a
 * crash together with them. A transaction's id does not: after its recovery, a server assigns again the ids
 * of transactions whose log it had not flushed.
 *
 * A mark is a row into which one transaction at a time writes a growing number. A process that has lost the
 * answer to its COMMIT closes the mark. That waits for a transaction that is still in flight, returns the
 * number of the last one that landed, and makes any later one fail, whatever is still on its way from a dead
 * connection to the server. Closing a mark again returns the same number.
 *
 * Writing and closing are upserts. They find their row by the unique index, whatever the planner thinks of
 * such a small table, and take no predicate locks, so serializable transactions do not conflict on marks.
 */
import { randomUUID } from 'node:crypto';
import { type Session, type SessionResult, tableName } from '../session.ts';
import type { WireParam } from '../types.ts';

/**
 * A mark belongs to one connection at a time, from before a transaction begins until it has certainly
 * ended.
 */
export interface CommitMark {
  readonly id: string;
  /** The number of the last transaction that wrote the mark, whether it landed or not. */
  number: number;
  /** The row has been deleted, or is about to be. */
  isSpent: boolean;
}

/** A session with the mark that its transactions write. */
export interface MarkedSession extends Session {
  readonly mark: CommitMark;
  /**
   * Sends a statement without waiting for those before it. The next `run` follows at once, so it must not
   * depend on the result.
   */
  runAhead(text: string, values?: readonly WireParam[]): Promise<SessionResult>;
}

/** A transaction that has written its mark. */
export interface MarkedTransaction {
  readonly markId: string;
  readonly number: number;
  /** The time of writing by the database's clock, in its text form. */
  readonly writeTime: string;
  /** The server's process and the transaction's id. They identify it only while the transaction lives. */
  readonly serverPid: string;
  readonly xid: string;
}

/** Each update walks all versions of a row that an open snapshot keeps alive, so their number is limited. */
const MAX_WRITES = 250;
/** Marks that have not been written for this long belong to processes that died. */
const FORGOTTEN_AFTER = "interval '1 day'";
/** Within this time, a missing mark was never written; it cannot have been collected. */
const BELIEVED_FOR = "interval '12 hours'";
const MAX_COLLECTED = 100;

/** The marks of one process that no connection uses. */
export class CommitMarks {
  readonly #free: CommitMark[] = [];

  /** Must be called before the transaction begins, as its snapshot must show the mark's last write. */
  take(): CommitMark {
    return this.#free.pop() ?? { id: randomUUID(), number: 0, isSpent: false };
  }

  /** May be called only if all transactions that wrote the mark have certainly ended. */
  giveBack(mark: CommitMark): void {
    if (!mark.isSpent) this.#free.push(mark);
  }

  /** Removes and returns the marks whose rows may exist. */
  takeWritten(): readonly CommitMark[] {
    return this.#free.splice(0).filter(({ number }) => number > 0);
  }
}

/**
 * Writes the connection's mark, together with the transaction's other writes, so it costs no round trip of
 * its own. A closed mark yields NULL, which the column refuses.
 */
export async function writeMark(
  session: MarkedSession,
  schema: string,
): Promise<MarkedTransaction> {
  const { mark } = session;
  mark.number += 1;
  const { number } = mark;
  const text = `INSERT INTO ${tableName(schema, 'commit_marks')} AS mark (id, number, write_time)
    VALUES ($1::uuid, $2::bigint, clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET
      number = CASE WHEN mark.number >= 0 THEN excluded.number END, write_time = excluded.write_time
    RETURNING write_time::text, pg_backend_pid()::text, xmin::text`;
  const { rows } = await session.runAhead(text, [mark.id, String(number)]);
  const [writeTime, serverPid, xid] = rows[0] ?? [];
  if (!writeTime || !serverPid || !xid) throw new Error('the database returned no commit mark');
  return { markId: mark.id, number, writeTime, serverPid, xid };
}

/**
 * Closes the mark of a transaction, and returns whether that transaction landed; `undefined` if the mark may
 * have been collected meanwhile. The result is final after this is committed.
 */
export async function closeMark(
  session: Pick<Session, 'run'>,
  schema: string,
  { markId, number, writeTime }: MarkedTransaction,
): Promise<boolean | undefined> {
  const text = `INSERT INTO ${tableName(schema, 'commit_marks')} AS mark (id, number, write_time)
    VALUES ($1::uuid, -1, clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET
      number = least(mark.number, -1 - mark.number), write_time = excluded.write_time
    RETURNING (-1 - number)::text, clock_timestamp() < $2::timestamptz + ${BELIEVED_FOR}`;
  const { rows } = await session.run(text, [markId, writeTime]);
  const [landed, isBelieved] = rows[0] ?? [];
  if (landed === String(number)) return true;
  return isBelieved === 't' ? false : undefined;
}

/**
 * After a number of writes a connection gets another mark. Its old one is deleted, together with some marks
 * of processes that died, which nothing needs any more.
 */
export async function retireMark(session: MarkedSession, schema: string): Promise<void> {
  const { mark } = session;
  if (mark.number < MAX_WRITES || mark.isSpent) return;
  mark.isSpent = true;
  const marks = tableName(schema, 'commit_marks');
  const forgotten = `write_time < clock_timestamp() - ${FORGOTTEN_AFTER}`;
  const text = `DELETE FROM ${marks} WHERE id = $1::uuid OR (${forgotten} AND ctid = ANY(ARRAY(
    SELECT ctid FROM ${marks} WHERE ${forgotten} LIMIT ${MAX_COLLECTED} FOR UPDATE SKIP LOCKED)))`;
  await session.run(text, [mark.id]);
}

/** Deletes the marks of a process that ends in order. */
export async function deleteMarks(
  session: Pick<Session, 'run'>,
  schema: string,
  marks: readonly CommitMark[],
): Promise<void> {
  const ids = `{${marks.map(({ id }) => id).join(',')}}`;
  await session.run(`DELETE FROM ${tableName(schema, 'commit_marks')} WHERE id = ANY($1::uuid[])`, [
    ids,
  ]);
}
