/**
 * Begins finalizations for owners that call at the same time, in one transaction: while one is
 * under way, the next calls gather. Nobody waits for others to call, and each caller is answered
 * for itself. If a transaction of several fails, each call gets one of its own, so that nobody has
 * to do with the trouble of others.
 */
import { Batches, CodedError, toError } from '@postlude/queue/foundations';
import type { Database, Transaction, WriteOptions } from '@postlude/queue/storage';
import type { InvocationId } from '../../invocations/id.ts';
import { readIncludedOfEach } from '../../invocations/inclusions.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import { notFound, readInvocations } from '../../invocations/invocations.ts';
import { type SchedulingParts, startFinalizations } from '../schedule.ts';

export interface Started {
  /** It is FINALIZING, or what it was before if that was not ACTIVE. */
  readonly invocation: Invocation;
  readonly included: readonly InvocationId[];
}

export interface GroupedStartsParts {
  readonly db: Database;
  readonly finalizer: SchedulingParts;
}

interface Call {
  readonly id: InvocationId;
  readonly signal: AbortSignal | undefined;
}

const MAX_CALLS = 100;
/** How often a transaction of several calls begins before each call gets its own. */
const MAX_BEGINS = 2;
/** How long a statement of several calls may wait, for example for a recorder that locks one of the rows. */
const LIMIT_MS = 1_000;

export class GroupedStarts {
  readonly #parts: GroupedStartsParts;
  readonly #calls: Batches<Call, Started | Error>;

  constructor(parts: GroupedStartsParts) {
    this.#parts = parts;
    this.#calls = new Batches({ maxItems: MAX_CALLS, run: (calls) => this.#run(calls) });
  }

  /** Throws `not-found` if there is no such invocation. One that is not ACTIVE is left as it is. */
  async start(id: InvocationId, signal?: AbortSignal): Promise<Started> {
    const started = await this.#calls.add({ id, signal });
    if (started instanceof Error) throw started;
    return started;
  }

  async #run(calls: readonly Call[]): Promise<readonly (Started | Error)[]> {
    const hasLeft = calls.some(({ signal }) => signal?.aborted);
    if (calls.length === 1 || hasLeft) return await this.#runAlone(calls);
    try {
      return await this.#runTogether(calls);
    } catch {
      return await this.#runAlone(calls);
    }
  }

  async #runTogether(calls: readonly Call[]): Promise<(Started | Error)[]> {
    let begins = 0;
    const ids = calls.map(({ id }) => id);
    return await this.#write({ limitMs: LIMIT_MS }, (tx) => {
      begins += 1;
      if (begins > MAX_BEGINS) throw new CodedError('conflict', 'each call is to be made alone');
      return startAll(this.#parts.finalizer, tx, ids);
    });
  }

  #runAlone(calls: readonly Call[]): Promise<(Started | Error)[]> {
    const run = async ({ id, signal }: Call): Promise<Started | Error> => {
      try {
        signal?.throwIfAborted();
        const [started] = await this.#write(signal ? { signal } : {}, (tx) =>
          startAll(this.#parts.finalizer, tx, [id]),
        );
        return started ?? notFound(id);
      } catch (error) {
        return toError(error);
      }
    };
    return Promise.all(calls.map(run));
  }

  #write<T>(options: WriteOptions, fn: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#parts.db.write(fn, options);
  }
}

async function startAll(
  parts: SchedulingParts,
  tx: Transaction,
  ids: readonly InvocationId[],
): Promise<(Started | Error)[]> {
  const distinct = [...new Set(ids)];
  const found = await readInvocations(tx, distinct);
  const existing = distinct.filter((id) => found.has(id));
  const includedOf = await readIncludedOfEach(tx, existing);
  const active = existing.filter((id) => found.get(id)?.state === 'ACTIVE');
  const finalizeStartTime = await startFinalizations(
    parts,
    tx,
    active.map((id) => ({ id, included: includedOf.get(id) ?? [] })),
  );
  const started = new Set(active);
  return ids.map((id) => {
    const invocation = found.get(id);
    if (invocation === undefined) return notFound(id);
    const change = started.has(id) ? ({ state: 'FINALIZING', finalizeStartTime } as const) : {};
    return { invocation: { ...invocation, ...change }, included: includedOf.get(id) ?? [] };
  });
}
