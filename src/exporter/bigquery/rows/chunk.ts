/** The rows that are sent in one request, and those before and between them that are not sent. */
import type { RejectedRow } from '../../rejected-rows.ts';
import { type ExportRow, keyOf } from '../../rows/row-kind.ts';
import type { Landed } from '../../sink.ts';
import type { RowError } from '../clients/ports.ts';

/** A row in the form of the API, and its size in bytes. */
export interface Encoded<R> {
  readonly value: R;
  readonly bytes: number;
}

interface ChunkRow<R> extends Encoded<R> {
  readonly key: Landed;
}

export class Chunk<R> {
  readonly rejected: RejectedRow[] = [];
  #rows: ChunkRow<R>[] = [];
  #bytes = 0;
  #end: Landed | undefined;

  /** `start` is the last row before the chunk. */
  constructor(start: Landed | undefined) {
    this.#end = start;
  }

  /** The rows to send. */
  get rows(): readonly ChunkRow<R>[] {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The last row of the chunk, whether it is sent or not. */
  get end(): Landed | undefined {
    return this.#end;
  }

  get isEmpty(): boolean {
    return this.#rows.length === 0 && this.rejected.length === 0;
  }

  add(key: Landed, { value, bytes }: Encoded<R>): void {
    this.#rows.push({ key, value, bytes });
    this.#bytes += bytes;
    this.#end = key;
  }

  /** The row is in the table already. */
  skip(key: Landed): void {
    this.#end = key;
  }

  reject(key: Landed, reason: string): void {
    this.rejected.push(toRejected(key, reason));
    this.#end = key;
  }

  /** Takes rows that were refused out of those to send, and returns them. */
  rejectSent(errors: readonly RowError[]): readonly RejectedRow[] {
    const reasons = new Map(errors.map(({ index, reason }) => [index, reason]));
    const refused = this.#rows.flatMap(({ key }, index) => {
      const reason = reasons.get(index);
      return reason === undefined ? [] : [toRejected(key, reason)];
    });
    this.#rows = this.#rows.filter((_, index) => !reasons.has(index));
    this.#bytes = this.#rows.reduce((sum, { bytes }) => sum + bytes, 0);
    this.rejected.push(...refused);
    return refused;
  }
}

/** The row as the last one of those up to it; `number` counts from 0. */
export function toLanded(row: ExportRow, number: number): Landed {
  return { rows: number + 1, ...keyOf(row) };
}

function toRejected({ rows, ...result }: Landed, reason: string): RejectedRow {
  return { ...result, row: rows - 1, reason };
}
