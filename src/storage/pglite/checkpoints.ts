/**
 * Checkpoints of an embedded database. PGlite has no process that makes them, so that without these
 * its write-ahead log would grow until the database closes, and be read whole behind a crash.
 */
import { toError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { int } from '../column.ts';
import { type Session, toRows } from '../postgres/session.ts';

const MB = 1024 * 1024;
/** Of the log since the last one: its files take about twice as much. */
const CHECKPOINT_BYTES = 16 * MB;
/** How much is written until the log is looked at. */
const LOOK_BYTES = MB;
/** What a statement may write beyond its values. */
const STATEMENT_BYTES = 4 * 1024;

const LOG_BYTES =
  'SELECT (pg_current_wal_insert_lsn() - redo_lsn)::bigint AS bytes FROM pg_control_checkpoint()';

export class Checkpoints {
  readonly #session: Session;
  readonly #log: Log;
  #writtenBytes = 0;

  /** `session`: outside of transactions. */
  constructor(session: Session, log: Log) {
    this.#session = session;
    this.#log = log;
  }

  wrote(bytes: number): void {
    this.#writtenBytes += bytes + STATEMENT_BYTES;
  }

  /** To be called behind a commit. A checkpoint that fails is made up for by the next. */
  async makeIfDue(): Promise<void> {
    if (this.#writtenBytes < LOOK_BYTES) return;
    this.#writtenBytes = 0;
    try {
      const [row] = toRows(await this.#session.run(LOG_BYTES), { bytes: int });
      if (row !== undefined && row.bytes >= CHECKPOINT_BYTES) await this.#session.run('CHECKPOINT');
    } catch (error) {
      this.#log.warn('the embedded database made no checkpoint', { error: toError(error) });
    }
  }
}
