/**
 * Makes checkpoints of an embedded database. PGlite has no process that makes them, so without these its
 * write-ahead log would grow until the database closes, and all of it would be read after a crash.
 */
import { toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';
import { int } from '../column.ts';
import { type Session, toRows } from '../postgres/session.ts';

const MB = 1024 * 1024;
/** The size of the log that causes a checkpoint. The files of the log take about twice as much. */
const CHECKPOINT_BYTES = 16 * MB;
/** How much is written before the size of the log is checked. */
const LOOK_BYTES = MB;
/** An allowance for what a statement writes beyond its values. */
const STATEMENT_BYTES = 4 * 1024;

const LOG_BYTES =
  'SELECT (pg_current_wal_insert_lsn() - redo_lsn)::bigint AS bytes FROM pg_control_checkpoint()';

export class Checkpoints {
  readonly #session: Session;
  readonly #log: Log;
  #writtenBytes = 0;

  /** `session` runs statements outside of transactions. */
  constructor(session: Session, log: Log) {
    this.#session = session;
    this.#log = log;
  }

  wrote(bytes: number): void {
    this.#writtenBytes += bytes + STATEMENT_BYTES;
  }

  /** Must be called after each commit. If a checkpoint fails, the next one makes up for it. */
  async makeIfDue(): Promise<void> {
    if (this.#writtenBytes < LOOK_BYTES) return;
    this.#writtenBytes = 0;
    try {
      const [row] = toRows(await this.#session.run(LOG_BYTES), { bytes: int });
      if (row !== undefined && row.bytes >= CHECKPOINT_BYTES) await this.#session.run('CHECKPOINT');
    } catch (error) {
      this.#log.warn('a checkpoint of the embedded database failed', { error: toError(error) });
    }
  }
}
