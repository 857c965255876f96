/**
 * What the watchers of invocations see. However many watch an invocation, this process reads it once for
 * all of them: when something that it shows is announced to have changed, and when a poll has found that.
 * One poll compares all watched invocations with the database, in a read for every 500 rows.
 *
 * A watcher gets the newest reading when it asks for the next; it never gets those that came in between.
 */
import { equals } from '@bufbuild/protobuf';
import { type Clock, chunk } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import {
  type WatchInvocationResponse,
  WatchInvocationResponseSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import type { InvocationId } from '../../invocations/id.ts';
import type { InvocationChanges } from '../../invocations/invocation-changes.ts';
import { readMarks } from '../../invocations/invocations.ts';
import { SharedWork } from '../shared/shared-work.ts';
import { readWatched, type WatchedReading } from './watched-reading.ts';

/** How long a change stays unnoticed if its announcement was lost. */
const POLL_MS = 2_000;
const BATCH_IDS = 500;

export interface WatchedInvocationsParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly changes: InvocationChanges;
}

/** An invocation that is watched, as it was read last. */
interface Watched {
  readonly id: InvocationId;
  readonly ended: AbortController;
  readonly waiters: Set<() => void>;
  watchers: number;
  reading: WatchedReading | undefined;
  /** Counts the readings that differ from the one before. */
  version: number;
  failure: { readonly error: unknown } | undefined;
  unsubscribe: () => void;
}

export class WatchedInvocations {
  readonly #parts: WatchedInvocationsParts;
  readonly #watched = new Map<InvocationId, Watched>();
  readonly #readings = new SharedWork<void>();
  #polling: AbortController | undefined;

  constructor(parts: WatchedInvocationsParts) {
    this.#parts = parts;
  }

  /** How many invocations are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Yields the invocation as it is now, and each later state that the caller is not too slow for. */
  async *watch(
    id: InvocationId,
    signal: AbortSignal,
  ): AsyncGenerator<WatchInvocationResponse, void, void> {
    const watched = this.#join(id);
    try {
      // This reading begins now, so it shows what the caller has seen committed.
      await this.#read(watched, signal);
      let seen = 0;
      while (!signal.aborted) {
        const { reading, version } = watched;
        if (reading !== undefined && version > seen) {
          seen = version;
          yield reading.response;
        } else await untilWoken(watched, signal);
        if (watched.failure !== undefined) throw watched.failure.error;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#leave(watched);
    }
  }

  #join(id: InvocationId): Watched {
    const watched = this.#watched.get(id) ?? this.#add(id);
    watched.watchers++;
    return watched;
  }

  #add(id: InvocationId): Watched {
    const watched: Watched = {
      id,
      ended: new AbortController(),
      waiters: new Set(),
      watchers: 0,
      reading: undefined,
      version: 0,
      failure: undefined,
      unsubscribe: () => undefined,
    };
    this.#watched.set(id, watched);
    this.#subscribe(watched, [id]);
    if (this.#polling === undefined) {
      this.#polling = new AbortController();
      void this.#poll(this.#polling.signal);
    }
    return watched;
  }

  #leave(watched: Watched): void {
    watched.watchers--;
    if (watched.watchers === 0) this.#remove(watched);
  }

  #remove(watched: Watched): void {
    watched.ended.abort();
    watched.unsubscribe();
    if (this.#watched.get(watched.id) === watched) this.#watched.delete(watched.id);
    if (this.#watched.size > 0) return;
    this.#polling?.abort();
    this.#polling = undefined;
  }

  #subscribe(watched: Watched, ids: readonly InvocationId[]): void {
    watched.unsubscribe();
    watched.unsubscribe = this.#parts.changes.subscribe(ids, () => this.#refresh(watched));
  }

  /** If this fails, so do all watchers. */
  #refresh(watched: Watched): void {
    this.#read(watched, watched.ended.signal).catch((error: unknown) => {
      if (watched.ended.signal.aborted) return;
      watched.failure = { error };
      this.#remove(watched);
      wake(watched);
    });
  }

  /** Joins a reading that begins after this call. */
  async #read(watched: Watched, signal: AbortSignal): Promise<void> {
    await this.#readings.joinNext(watched.id, signal, async () => {
      const reading = await this.#parts.db.read((tx) => readWatched(tx, watched.id));
      // Those that have joined may watch since after the first that wanted this reading had left.
      const current = this.#watched.get(watched.id);
      if (current !== undefined) this.#publish(current, reading);
    });
  }

  #publish(watched: Watched, reading: WatchedReading): void {
    const before = watched.reading;
    watched.reading = reading;
    this.#subscribe(watched, [...reading.marks.keys()]);
    if (before && equals(WatchInvocationResponseSchema, before.response, reading.response)) return;
    watched.version++;
    wake(watched);
  }

  /** A poll that fails is made up for by the next one. */
  async #poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.clock.sleep(POLL_MS, signal);
      if (!signal.aborted) await this.#compare().catch(() => undefined);
    }
  }

  async #compare(): Promise<void> {
    const all = [...this.#watched.values()];
    const ids = new Set(all.flatMap(({ reading }) => [...(reading?.marks.keys() ?? [])]));
    const current = new Map<InvocationId, string>();
    for (const batch of chunk([...ids], BATCH_IDS)) {
      const marks = await this.#parts.db.read((tx) => readMarks(tx, batch));
      for (const [id, mark] of marks) current.set(id, mark);
    }
    for (const watched of all) {
      const marks = watched.reading?.marks ?? new Map();
      const isCurrent = [...marks].every(([id, mark]) => current.get(id) === mark);
      if (!isCurrent && !watched.ended.signal.aborted) this.#refresh(watched);
    }
  }
}

function wake({ waiters }: Watched): void {
  for (const waiter of [...waiters]) waiter();
}

async function untilWoken({ waiters }: Watched, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wakeUp = (): void => resolve();
  waiters.add(wakeUp);
  signal.addEventListener('abort', wakeUp, { once: true });
  await promise;
  signal.removeEventListener('abort', wakeUp);
  waiters.delete(wakeUp);
}
