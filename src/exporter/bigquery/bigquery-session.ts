/**
 * One attempt at an export into BigQuery. Through the Storage Write API, each row lands once, whatever dies:
 *
 * 1. The attempt takes a committed stream, and writes down that the rows after the settled ones go there,
 *    from which offset on. Only then does it append.
 * 2. As rows are acknowledged, it writes down how far it has come.
 * 3. If it dies, the next attempt finalizes the stream, so that nothing more can land in it, and learns how
 *    many rows it has. The rows after the settled ones are skipped as far as they have landed.
 *
 * If rows are rejected, this is written down before the others are sent again without them.
 */
import { CodedError, hasCode } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { Batch } from '../batches.ts';
import { type Progress, saveProgress } from '../progress.ts';
import type { RejectedRow } from '../rejected-rows.ts';
import type { ExportRow } from '../rows/row-kind.ts';
import type { Export, ExportSummary, ExportTable, Landed, Receipt, SinkSession } from '../sink.ts';
import type { RowError } from './clients/ports.ts';
import { Chunk, type Encoded, toLanded } from './rows/chunk.ts';
import type { ByteBudget } from './streams/byte-budget.ts';
import type { AppendOutcome, RowWriter, WriterPool } from './streams/row-writer.ts';
import { tableName } from './tables/table-name.ts';

export interface SessionParts<R> {
  readonly db: Pick<Database, 'read' | 'write'>;
  readonly pool: WriterPool<R>;
  readonly limits: RequestLimits;
  /** Of all sessions together. */
  readonly budget: ByteBudget;
  readonly encode: (row: ExportRow) => Encoded<R>;
  /** The table that rows are written into, which the export's own table may have to wait for. */
  readonly table: ExportTable;
  /** Makes sure again that the table exists, as it seems to be gone. */
  readonly ensureAgain: () => Promise<void>;
  /** Moves all rows to the export's own table, if that is another one. It may be called again. */
  readonly publish?: (signal: AbortSignal) => Promise<void>;
}

export interface RequestLimits {
  readonly rows: number;
  readonly bytes: number;
  readonly inFlight: number;
}

/** The state that the attempt begins with. */
export interface Resumption {
  readonly exported: Export;
  readonly signal: AbortSignal | undefined;
  readonly progress: Progress;
  /** How many rows after the settled ones, apart from rejected ones, have landed. */
  readonly landedSince: number;
  /** Rows after the settled ones that are known to be rejected, with their reasons. */
  readonly rejectedSince: ReadonlyMap<number, string>;
}

interface InFlight<R> {
  readonly chunk: Chunk<R>;
  readonly outcome: Promise<AppendOutcome>;
}

const MAX_ROW_BYTES = 5 * 1024 * 1024;
/** After this many acknowledged bytes, or so many rejected rows, the progress is written down. */
const SAVE_BYTES = 8 * 1024 * 1024;
const SAVE_REJECTED = 1_000;
/** If more rows are rejected, the table does not fit, and the export's task is dead. */
const MAX_REJECTED = 10_000;

export class BigQuerySession<R> implements SinkSession {
  readonly landed: Landed | undefined;
  readonly #parts: SessionParts<R>;
  readonly #resumption: Resumption;
  #settled: Landed | undefined;
  #rejected: number;
  #toSkip: number;
  #chunk: Chunk<R>;
  #inFlight: InFlight<R>[] = [];
  #heldBytes = 0;
  #writer: RowWriter<R> | undefined;
  /** The offset of the first row after the settled ones. */
  #offset = 0;
  #unsavedBytes = 0;
  #unsavedRejected: RejectedRow[] = [];
  #hasReplacedWriter = false;

  constructor(parts: SessionParts<R>, resumption: Resumption) {
    this.#parts = parts;
    this.#resumption = resumption;
    const { settled, rejected } = resumption.progress;
    this.landed = settled;
    this.#settled = settled;
    this.#rejected = rejected;
    this.#toSkip = resumption.landedSince;
    this.#chunk = new Chunk(settled);
  }

  async append({ offset, rows }: Batch): Promise<void> {
    for (const [index, row] of rows.entries()) await this.#take(row, offset + index);
  }

  async commit({ rows }: ExportSummary, signal: AbortSignal): Promise<Receipt> {
    await this.#send();
    while (this.#inFlight.length > 0) {
      signal.throwIfAborted();
      await this.#settleOldest();
    }
    const settledRows = this.#settled?.rows ?? 0;
    if (settledRows !== rows || this.#toSkip > 0) {
      throw new CodedError('data-loss', `settled ${settledRows} rows instead of ${rows}`);
    }
    if (this.#parts.publish) await this.#publish(this.#parts.publish, signal);
    await this.#save({ isDone: true });
    if (this.#writer?.isClean) this.#parts.pool.giveBack(this.#parts.table, this.#writer);
    return toReceipt(this.#resumption.exported, { settledRows, rejected: this.#rejected });
  }

  /** What is written down first is that all rows are settled: an attempt without its lease ends here. */
  async #publish(
    publish: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#save();
    this.#writer?.close();
    await publish(signal);
  }

  async abort(): Promise<void> {
    this.#writer?.close();
    this.#inFlight = [];
    this.#release(this.#heldBytes);
  }

  async #take(row: ExportRow, number: number): Promise<void> {
    const key = toLanded(row, number);
    const isSkipping = this.#toSkip > 0;
    const known = this.#resumption.rejectedSince.get(number);
    if (known === undefined) await this.#addOrSkip(key, this.#parts.encode(row));
    else this.#chunk.reject(key, known);
    // While rows are skipped nothing is in flight, so they are settled one by one.
    if (isSkipping) this.#settle(this.#takeChunk());
  }

  async #addOrSkip(key: Landed, encoded: Encoded<R>): Promise<void> {
    const { limits } = this.#parts;
    const { bytes } = encoded;
    if (bytes > MAX_ROW_BYTES) {
      const reason = `the row has ${bytes} bytes, and can have at most ${MAX_ROW_BYTES}`;
      this.#chunk.reject(key, reason);
    } else if (this.#toSkip > 0) {
      this.#chunk.skip(key);
      this.#toSkip--;
    } else {
      const isFull =
        this.#chunk.rows.length >= limits.rows || this.#chunk.bytes + bytes > limits.bytes;
      if (isFull) await this.#send();
      this.#chunk.add(key, encoded);
    }
  }

  #takeChunk(): Chunk<R> {
    const chunk = this.#chunk;
    this.#chunk = new Chunk(chunk.end);
    return chunk;
  }

  /** Sends the rows that have gathered, once there is room for them. */
  async #send(): Promise<void> {
    if (this.#chunk.isEmpty) return;
    const chunk = this.#takeChunk();
    await this.#makeRoom(chunk.bytes);
    const writer = this.#writer ?? (await this.#claim('any'));
    this.#inFlight.push({ chunk, outcome: outcomeOf(chunk, writer) });
  }

  async #makeRoom(bytes: number): Promise<void> {
    const { budget, limits } = this.#parts;
    while (this.#inFlight.length >= limits.inFlight) await this.#settleOldest();
    while (!budget.tryTake(bytes)) {
      // What this session holds is given back only by itself.
      if (this.#inFlight.length > 0) await this.#settleOldest();
      else await budget.change();
      this.#resumption.signal?.throwIfAborted();
    }
    this.#heldBytes += bytes;
  }

  /** Takes a writer, and writes down that the next rows go there. Nothing is in flight. */
  async #claim(kind: 'any' | 'fresh'): Promise<RowWriter<R>> {
    const { pool, table } = this.#parts;
    const writer = await pool
      .take(table, this.#resumption.signal, kind)
      .catch((error: unknown) => this.#throwMissing(error));
    this.#writer = writer;
    this.#offset = writer.nextOffset;
    await this.#save();
    return writer;
  }

  async #settleOldest(): Promise<void> {
    const [oldest] = this.#inFlight;
    if (oldest === undefined) return;
    const outcome = await oldest.outcome.catch((error: unknown) => this.#replaceWriter(error));
    if (outcome === undefined) return;
    if (outcome.kind === 'rejected') return await this.#appendWithout(oldest, outcome.rows);
    if (outcome.kind === 'partly') this.#rejectSent(oldest.chunk, outcome.rows);
    this.#inFlight.shift();
    this.#unsavedBytes += oldest.chunk.bytes;
    this.#settle(oldest.chunk);
    const isDue = this.#unsavedBytes >= SAVE_BYTES || this.#unsavedRejected.length >= SAVE_REJECTED;
    if (isDue) await this.#save();
  }

  #settle(chunk: Chunk<R>): void {
    this.#settled = chunk.end;
    this.#rejected += chunk.rejected.length;
    this.#offset += chunk.rows.length;
    this.#unsavedRejected.push(...chunk.rejected);
    this.#release(chunk.bytes);
  }

  #rejectSent(chunk: Chunk<R>, errors: readonly RowError[]): readonly RejectedRow[] {
    const before = chunk.bytes;
    const rejected = chunk.rejectSent(errors);
    this.#release(before - chunk.bytes);
    return rejected;
  }

  /** Appends again what was in flight, without the rejected rows; these are written down first. */
  async #appendWithout(oldest: InFlight<R>, errors: readonly RowError[]): Promise<void> {
    // All later appends have been displaced, or else they throw.
    await Promise.all(this.#inFlight.map(({ outcome }) => outcome));
    this.#unsavedRejected.push(...this.#rejectSent(oldest.chunk, errors));
    await this.#save();
    this.#appendAgain();
  }

  #appendAgain(): void {
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#inFlight = this.#inFlight.map(({ chunk }) => ({
      chunk,
      outcome: outcomeOf(chunk, writer),
    }));
  }

  /** Appends again through another writer, if the stream was gone before anything landed in it. */
  async #replaceWriter(error: unknown): Promise<undefined> {
    if (!hasCode(error, 'not-found')) throw error;
    if (this.#hasReplacedWriter || !this.#writer?.isUntouched) return this.#throwMissing(error);
    this.#hasReplacedWriter = true;
    await this.#parts.ensureAgain();
    await this.#claim('fresh');
    this.#appendAgain();
  }

  /** A table that is there is found after a while, so it helps to try again. */
  async #throwMissing(error: unknown): Promise<never> {
    if (!hasCode(error, 'not-found')) throw error;
    await this.#parts.ensureAgain();
    throw new CodedError('unavailable', error.message, { cause: error });
  }

  #release(bytes: number): void {
    this.#heldBytes -= bytes;
    if (bytes > 0) this.#parts.budget.giveBack(bytes);
  }

  async #save({ isDone = false } = {}): Promise<void> {
    const stream = this.#writer?.stream;
    const next = stream === undefined ? undefined : { stream, offset: this.#offset };
    await saveProgress(this.#parts.db, this.#resumption.exported, {
      settled: this.#settled,
      rejected: this.#rejected,
      next: isDone ? undefined : next,
      isDone,
      newlyRejected: this.#unsavedRejected,
    });
    const last = this.#unsavedRejected.at(-1);
    this.#unsavedRejected = [];
    this.#unsavedBytes = 0;
    const inFlight = this.#inFlight.reduce((sum, { chunk }) => sum + chunk.rejected.length, 0);
    if (last) checkRejected(this.#rejected + inFlight, last);
  }
}

/** A chunk whose rows have all been rejected has nothing to append. */
function outcomeOf<R>(chunk: Chunk<R>, writer: RowWriter<R>): Promise<AppendOutcome> {
  if (chunk.rows.length === 0) return Promise.resolve({ kind: 'appended' });
  return writer.append(chunk.rows.map(({ value }) => value));
}

function checkRejected(count: number, { reason }: RejectedRow): void {
  if (count <= MAX_REJECTED) return;
  throw new CodedError(
    'invalid-argument',
    `the table rejects more than ${MAX_REJECTED} rows of this export; the last one: ${reason}`,
  );
}

export function toReceipt(
  { table }: Pick<Export, 'table'>,
  { settledRows, rejected }: { readonly settledRows: number; readonly rejected: number },
): Receipt {
  return { rows: settledRows - rejected, rejected, location: tableName(table) };
}
