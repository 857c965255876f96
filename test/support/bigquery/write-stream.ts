/**
 * A write stream: it checks offsets, and decides when its rows become visible.
 *
 *     COMMITTED, DEFAULT   at once
 *     BUFFERED             at FlushRows, up to its offset
 *     PENDING              at BatchCommitWriteStreams, after FinalizeWriteStream
 */
import type { Clock } from '@postlude/queue/foundations';
import { WriteError } from './errors.ts';
import type { Limits } from './limits.ts';
import type { LandedRow, Table } from './table.ts';
import type { Row } from './values.ts';

/** What a stream asks of its warehouse. */
interface StreamLimits {
  readonly clock: Clock;
  readonly limits: Limits;
}

export type StreamType = 'COMMITTED' | 'PENDING' | 'BUFFERED' | 'DEFAULT';

/** The service's own names of the types, which its messages have. */
const MODES: Readonly<Record<StreamType, string>> = {
  COMMITTED: 'WRITE_OPTIMIZED',
  DEFAULT: 'WRITE_OPTIMIZED',
  PENDING: 'PENDING',
  BUFFERED: 'BUFFERED',
};

export class WriteStream {
  readonly name: string;
  readonly type: StreamType;
  readonly table: Table;
  readonly createdAt: number;
  committedAt: number | undefined;
  /** Closes the connection that appends; undefined if none does. */
  closeWriter: (() => void) | undefined;
  readonly #warehouse: StreamLimits;
  readonly #buffered: LandedRow[] = [];
  #rows = 0;
  #isFinalized = false;
  #usedAt: number;

  constructor(at: {
    readonly name: string;
    readonly type: StreamType;
    readonly table: Table;
    readonly warehouse: StreamLimits;
  }) {
    this.name = at.name;
    this.type = at.type;
    this.table = at.table;
    this.#warehouse = at.warehouse;
    this.createdAt = at.warehouse.clock.now();
    this.#usedAt = this.createdAt;
  }

  /** How many rows have been appended, visible or not: the offset of the next one. */
  get end(): number {
    return this.#rows;
  }

  get isFinalized(): boolean {
    return this.#isFinalized;
  }

  get isExpired(): boolean {
    const { bufferedStreamTtlMs, committedStreamTtlMs } = this.#warehouse.limits;
    const ttlMs = this.type === 'COMMITTED' ? committedStreamTtlMs : bufferedStreamTtlMs;
    return this.type !== 'DEFAULT' && this.#warehouse.clock.now() > this.#usedAt + ttlMs;
  }

  /** Throws if no rows may be appended at the offset, or any more. */
  checkAppend(offset: number | undefined): void {
    if (this.type === 'DEFAULT') {
      if (offset === undefined) return;
      throw this.error('INVALID_ARGUMENT', 'Offset is not allowed for the default stream.');
    }
    this.checkOpen();
    if (offset === undefined || offset === this.#rows) return;
    const expected = `expected offset ${this.#rows}, received ${offset}`;
    throw offset < this.#rows
      ? this.error(
          'ALREADY_EXISTS',
          `The offset is within stream, ${expected}`,
          'OFFSET_ALREADY_EXISTS',
        )
      : this.error(
          'OUT_OF_RANGE',
          `The offset is beyond stream, ${expected}`,
          'OFFSET_OUT_OF_RANGE',
        );
  }

  checkOpen(): void {
    if (!this.#isFinalized) return;
    const message = 'Stream has been finalized and cannot be appended:';
    throw this.error('INVALID_ARGUMENT', message, 'STREAM_FINALIZED');
  }

  /** Returns the offset of the first row, which the default stream does not have. */
  append(rows: readonly Row[]): number | undefined {
    this.#usedAt = this.#warehouse.clock.now();
    const first = this.#rows;
    const stream = this.name.slice(this.name.lastIndexOf('/') + 1);
    const hasOffsets = this.type !== 'DEFAULT';
    const isVisible = this.type === 'COMMITTED' || !hasOffsets;
    rows.forEach((row, index) => {
      const landed = hasOffsets ? { row, stream, offset: first + index } : { row, stream };
      if (isVisible) this.table.land(landed);
      else this.#buffered.push(landed);
    });
    this.#rows += rows.length;
    return hasOffsets ? first : undefined;
  }

  finalize(): number {
    if (this.type === 'DEFAULT') {
      throw this.error('INVALID_ARGUMENT', 'Finalize is not supported on the default stream.');
    }
    this.#isFinalized = true;
    return this.#rows;
  }

  /** Makes the rows up to `offset`, and that one, visible. */
  flush(offset: number): void {
    if (this.type !== 'BUFFERED') {
      const message = `Stream must be created in buffered mode, actual: ${MODES[this.type]}`;
      throw this.error('INVALID_ARGUMENT', message, 'INVALID_STREAM_TYPE');
    }
    this.checkOpen();
    if (offset >= this.#rows) {
      const message = `The flush offset ${offset} is beyond the end of the stream, which has ${this.#rows} rows.`;
      throw this.error('OUT_OF_RANGE', message, 'OFFSET_OUT_OF_RANGE');
    }
    this.#usedAt = this.#warehouse.clock.now();
    const flushed = this.#rows - this.#buffered.length;
    this.#show(Math.max(0, offset + 1 - flushed));
  }

  /** Throws if the stream cannot be committed to the table. */
  checkCommit(table: Table): void {
    if (this.type !== 'PENDING') {
      const message = `Stream must be created in pending mode, actual: ${MODES[this.type]}`;
      throw this.error('INVALID_ARGUMENT', message, 'INVALID_STREAM_TYPE');
    }
    if (this.table !== table) {
      throw this.error(
        'INVALID_ARGUMENT',
        'The stream belongs to another table.',
        'INVALID_STREAM_TYPE',
      );
    }
    if (this.committedAt !== undefined) {
      const message = 'Stream has already been committed.';
      throw this.error('ALREADY_EXISTS', message, 'STREAM_ALREADY_COMMITTED');
    }
    if (!this.#isFinalized) {
      const message = 'Stream has to be finalized before it is committed.';
      throw this.error('FAILED_PRECONDITION', message, 'INVALID_STREAM_STATE');
    }
  }

  commit(at: number): void {
    this.committedAt = at;
    this.#show(this.#buffered.length);
  }

  /** Makes the first of the rows that are not visible yet visible. */
  #show(count: number): void {
    for (const row of this.#buffered.splice(0, count)) this.table.land(row);
  }

  error(
    code: WriteError['code'],
    message: string,
    storageCode?: NonNullable<WriteError['storageCode']>,
  ): WriteError {
    return new WriteError(code, message, {
      entity: this.name,
      ...(storageCode ? { storageCode } : {}),
    });
  }
}
