/**
 * Deletes what has been kept for long enough: invocations with all they hold, the expected results
 * of those that stay, and dead tasks.
 *
 * Any number of processes may purge at once. Each transaction deletes a bounded number of rows and
 * reads them in the same transaction, so every row is deleted, and counted, once. Each process
 * takes the invocations of a page in a random order, so that two seldom meet, and rests after each
 * transaction, so that most of the database is free for others. A pass needs no memory of an
 * earlier one: what is left of an interrupted pass has expired still.
 */
import type { Clock, EpochMs } from '@postlude/queue/foundations';
import {
  hasCode,
  type Log,
  type Random,
  shuffled,
  silentLog,
  systemRandom,
  toError,
} from '@postlude/queue/foundations';
import type { Sql } from '@postlude/queue/storage';
import { type Database, LOOK, shardsOf } from '@postlude/queue/storage';
import type { Contents } from '../artifacts/contents.ts';
import type { InvocationId } from '../invocations/id.ts';
import { toRowOrder } from '../invocations/id.ts';
import { attemptIds, expiredAttemptIds } from './attempt-family.ts';
import { collectContents } from './collect-contents.ts';
import { type Deleted, sumDeleted } from './deleted.ts';
import { type Expired, type Expiry, expiredPages } from './expired.ts';
import { type AgedTable, DEAD_TABLES, deleteAged, findAged } from './purge-aged-rows.ts';
import { type ExpectedResultsStep, purgeExpectedResults } from './purge-expected-results.ts';
import { purgeInvocation } from './purge-invocation.ts';

export interface PurgerParts {
  readonly db: Database;
  readonly clock: Clock;
  /** How long dead tasks are kept. */
  readonly deadTaskMs: number;
  readonly log?: Log;
  /** Where the contents of artifacts are; without it, contents that are not used stay. */
  readonly contents?: Pick<Contents, 'remove'> | undefined;
}

export interface PurgeOptions {
  /** How many expired invocations one read finds: 200 unless given. */
  readonly pageRows?: number;
  /** How many rows one transaction deletes: 1,000 unless given. */
  readonly batchRows?: number;
  /** The rest after a transaction is this many times as long as the transaction took: 5 times. */
  readonly rest?: number;
  /** Aborting ends the pass after the transaction that is under way. */
  readonly signal?: AbortSignal;
  readonly random?: Random;
  /** Is called after each transaction has been committed. */
  readonly onDeleted?: (deleted: Deleted) => void;
}

/** Makes one pass over all that has expired by now, and returns what it deleted. */
export async function purgeExpired(
  parts: PurgerParts,
  options: PurgeOptions = {},
): Promise<Deleted> {
  const pass = new Pass(parts, options);
  for (const shard of shardsOf(parts.db.dialect)) {
    await pass.purgeEach('invocation', shard, (expired) => pass.purgeAttempts(expired));
    await pass.purgeEach('expected-results', shard, (expired) => pass.purgeResults(expired));
  }
  for (const aged of DEAD_TABLES) await pass.purgeAged(aged);
  const { contents } = parts;
  if (contents && !pass.isStopped) await collectContents({ ...parts, contents }, options.signal);
  return pass.deleted;
}

class Pass {
  readonly #parts: PurgerParts;
  readonly #options: PurgeOptions;
  readonly #now: EpochMs;
  readonly #batchRows: number;
  deleted: Deleted = {};

  constructor(parts: PurgerParts, options: PurgeOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#now = parts.clock.now();
    this.#batchRows = options.batchRows ?? 1_000;
  }

  async purgeEach(
    expiry: Expiry,
    shard: Sql | undefined,
    purge: (expired: Expired) => Promise<void>,
  ): Promise<void> {
    const { pageRows: limit = 200, random = systemRandom } = this.#options;
    const listing = { expiry, shard, now: this.#now, limit };
    for await (const page of expiredPages(this.#parts.db, listing)) {
      for (const expired of shuffled(page, random)) {
        if (this.isStopped) return;
        await this.#unlessContended(expired, purge);
      }
    }
  }

  async purgeAttempts(expired: Expired): Promise<void> {
    const ids = await this.#parts.db.read((tx) => expiredAttemptIds(tx, expired, this.#now), LOOK);
    for (const id of ids) await this.#purgeInvocation(id);
  }

  async #purgeInvocation(id: InvocationId): Promise<void> {
    const request = { id, now: this.#now, batchRows: this.#batchRows };
    for (let isDone = false; !isDone && !this.isStopped; ) {
      const purge = () => this.#parts.db.write((tx) => purgeInvocation(tx, request));
      ({ isDone } = await this.#step(purge));
    }
  }

  async purgeResults(expired: Expired): Promise<void> {
    const { db } = this.#parts;
    const attempts = toRowOrder(await db.read((tx) => attemptIds(tx, expired), LOOK));
    const request = { id: expired.id, attempts, limit: this.#batchRows };
    let after: ExpectedResultsStep['next'];
    for (let isDone = false; !isDone && !this.isStopped; ) {
      const page = { ...request, after };
      const purge = () => db.write((tx) => purgeExpectedResults(tx, this.#now, page));
      ({ isDone, next: after } = await this.#step(purge));
    }
  }

  async purgeAged(aged: AgedTable): Promise<void> {
    const { db, deadTaskMs } = this.#parts;
    const listing = { until: this.#now - deadTaskMs, limit: this.#batchRows };
    let found = listing.limit;
    while (found === listing.limit && !this.isStopped) {
      const keys = await db.read((tx) => findAged(tx, aged, listing), LOOK);
      found = keys.length;
      if (found === 0) return;
      await this.#step(async () => {
        const rows = await deleteAged(db, aged, { ...listing, keys });
        return { deleted: { [aged.table.name]: rows } };
      });
    }
  }

  get isStopped(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  /** Runs one transaction, and rests. */
  async #step<T extends { readonly deleted: Deleted }>(purge: () => Promise<T>): Promise<T> {
    const { onDeleted, rest = 5, signal } = this.#options;
    const { clock } = this.#parts;
    const startedAt = clock.monotonicMs();
    const step = await purge();
    this.deleted = sumDeleted(this.deleted, step.deleted);
    onDeleted?.(step.deleted);
    await clock.sleep(rest * (clock.monotonicMs() - startedAt), signal);
    return step;
  }

  /** Leaves an invocation to the next pass if others keep changing what it reads. */
  async #unlessContended(
    expired: Expired,
    purge: (expired: Expired) => Promise<void>,
  ): Promise<void> {
    const { log = silentLog } = this.#parts;
    try {
      await purge(expired);
    } catch (error) {
      if (!hasCode(error, 'conflict')) throw error;
      log.warn('an invocation is purged later', { invocation: expired.id, error: toError(error) });
    }
  }
}
