/**
 * The limits and delays of the service, with the documented values as defaults. A test lowers or lifts some of
 * them. All time is that of the fake's clock.
 */
import type { Clock } from '@postlude/queue/foundations';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const MIB = 1024 * 1024;

export interface Limits {
  /** How long a repeated insertId is recognized. */
  readonly insertIdWindowMs: number;
  readonly insertAllBytes: number;
  readonly insertAllRows: number;
  readonly rowBytes: number;
  readonly appendBytes: number;
  /** Updates of one table's metadata in `tableUpdatesPerMs`. */
  readonly tableUpdates: number;
  readonly tableUpdatesPerMs: number;
  /** How long rows cannot be written into a new table, which `tables.get` already returns. */
  readonly tableVisibleAfterMs: number;
  /** How long writers still see the columns that a table had before it was patched. */
  readonly schemaVisibleAfterMs: number;
  /** How often a job is found running before it takes effect. */
  readonly jobPolls: number;
  /** How long rows of insertAll cannot be deleted. */
  readonly streamingBufferMs: number;
  readonly streamsPerSecond: number;
  readonly streamsPerHour: number;
  readonly connections: number;
  /** Appends of one connection that have been read and not answered. */
  readonly inFlightBytes: number;
  readonly idleConnectionMs: number;
  readonly connectionMs: number;
  readonly committedStreamTtlMs: number;
  readonly bufferedStreamTtlMs: number;
  /** What an append on a second connection does to the first one of the same stream. */
  readonly secondConnection: 'closes-first' | 'both-append';
  /** What a writer schema that does not fit the table does to its connection; clients report having seen both. */
  readonly schemaMismatch: 'is-answered' | 'ends-connection';
}

export const DEFAULT_LIMITS: Limits = {
  insertIdWindowMs: MINUTE_MS,
  insertAllBytes: 10 * MIB,
  insertAllRows: 50_000,
  rowBytes: 10 * MIB,
  appendBytes: 10 * MIB,
  tableUpdates: 5,
  tableUpdatesPerMs: 10_000,
  tableVisibleAfterMs: 0,
  schemaVisibleAfterMs: 0,
  jobPolls: 1,
  streamingBufferMs: 30 * MINUTE_MS,
  streamsPerSecond: 40,
  streamsPerHour: 10_000,
  connections: 1_000,
  inFlightBytes: 100 * MIB,
  idleConnectionMs: 10 * MINUTE_MS,
  connectionMs: Number.POSITIVE_INFINITY,
  committedStreamTtlMs: 4 * DAY_MS,
  bufferedStreamTtlMs: 7 * DAY_MS,
  secondConnection: 'closes-first',
  schemaMismatch: 'is-answered',
};

/** Counts events in a sliding window. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #limit: { readonly count: number; readonly perMs: number };
  #times: number[] = [];

  constructor(clock: Clock, limit: { readonly count: number; readonly perMs: number }) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** Returns false, and counts nothing, if the limit has been reached. */
  take(): boolean {
    const now = this.#clock.now();
    this.#times = this.#times.filter((time) => time > now - this.#limit.perMs);
    if (this.#times.length >= this.#limit.count) return false;
    this.#times.push(now);
    return true;
  }
}
