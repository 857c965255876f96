/**
 * Which commits landed: told by rows that the transactions themselves wrote, since nothing else
 * survives a crash with them. A transaction's id does not: after its recovery, a server hands out again
 * the ids of transactions whose log it had not flushed.
 *
 * A mark is a row that one transaction at a time writes a growing number into. Whoever has lost the
 * answer to its COMMIT closes the mark: that waits for a transaction that is still in flight, tells
 * the number of the last one that landed, and makes any later one fail, whatever is still under way
 * between a dead connection and its server. Closing a mark again tells the same.
 *
 * Both are upserts: they find their row by the unique index whatever the planner thinks of so small a
 * table, and take no predicate locks, so that serializable transactions do not conflict on marks.
 */
import { randomUUID } from 'node:crypto';
import { type Session, type SessionResult, tableName } from '../session.ts';
import type { WireValue } from '../types.ts';

/** Of one connection at a time, from before a transaction begins until it has certainly ended. */
export interface CommitMark {
  readonly id: string;
  /** Of the last transaction that wrote it, landed or not. */
  number: number;
  /** Its row is gone, or going. */
  isSpent: boolean;
}

/** A session with the mark that its transactions write. */
export interface MarkedSession extends Session {
  readonly mark: CommitMark;
  /**
   * Sends a statement without waiting for those before it. The next `run` follows at once, so what
   * it does must not depend on the answer.
   */
  runAhead(text: string, values?: readonly WireValue[]): Promise<SessionResult>;
}

/** A transaction that has written its mark. */
export interface MarkedTransaction {
  readonly markId: string;
  readonly number: number;
  /** When, by the database's clock, as it writes times. */
  readonly writeTime: string;
  /** The server's process and its transaction, as long as it lives. */
  readonly serverPid: string;
  readonly xid: string;
}

/** Versions of a row that a held snapshot keeps alive are walked by each update: not so many. */
const MAX_WRITES = 250;
/** Marks that nobody has written for so long belong to processes that died. */
const FORGOTTEN_AFTER = "interval '1 day'";
/** So a mark that is missing was never there, rather than collected. */
const BELIEVED_FOR = "interval '12 hours'";
const MAX_COLLECTED = 100;

/** The marks of one process that are in nobody's hands. */
export class CommitMarks {
  readonly #free: CommitMark[] = [];

  /** To be called before the transaction begins, whose snapshot must show the mark's last write. */
  take(): CommitMark {
    return this.#free.pop() ?? { id: randomUUID(), number: 0, isSpent: false };
  }

  /** Only where all transactions that wrote it have certainly ended. */
  giveBack(mark: CommitMark): void {
    if (!mark.isSpent) this.#free.push(mark);
  }

  /** Those whose rows may exist; they are in nobody's hands afterwards. */
  takeWritten(): readonly CommitMark[] {
    return this.#free.splice(0).filter(({ number }) => number > 0);
  }
}

/**
 * Writes the connection's mark, ahead of the transaction's other writes, so it costs no wait of its
 * own. NULL is what a closed mark gives and the column refuses.
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
  if (!writeTime || !serverPid || !xid) throw new Error('the database wrote no commit mark');
  return { markId: mark.id, number, writeTime, serverPid, xid };
}

/**
 * Closes the mark of a transaction, and tells whether that had landed; `undefined` where the
 * mark may have been collected meanwhile. Final once this is committed.
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
 * After so many writes a connection gets another mark. Its old one goes, and some of processes that
 * died go with it: none of which anybody asks for any more.
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

/** For a process that ends in order. */
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
