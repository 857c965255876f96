/**
 * The writers while PostgreSQL crashes: producers that enqueue tasks, transactions that add pushed
 * tasks, clients that send results to a server, and bare connections that race for transaction ids
 * as soon as the server is back. They remember what was acknowledged.
 */
import { hasCode, systemClock } from '@postlude/queue/foundations';
import { countCrashWrites, type WriterCounts } from './crash-counts.ts';
import { type CrashPlace, openCrashWrites, type WriteKind } from './crash-writes.ts';

export interface CrashWriters {
  /** The number of writes that postlude has acknowledged so far. */
  acknowledged(): number;
  /** Lets pending writes end, and counts. */
  finish(): Promise<WriterCounts>;
  stop(): Promise<void>;
}

/** The outcomes of the writes of one kind, by their numbers. */
export class Tally {
  readonly acknowledged = new Set<number>();
  readonly refused = new Set<number>();
  unknown = 0;

  async take(number: number, write: Promise<void>): Promise<void> {
    try {
      await write;
      this.acknowledged.add(number);
    } catch (error) {
      if (hasCode(error, 'unavailable', 'conflict')) this.refused.add(number);
      else if (hasCode(error, 'outcome-unknown')) this.unknown += 1;
      else throw error;
    }
  }
}

export type Tallies = Readonly<Record<WriteKind, Tally>>;

export function newTallies(): Tallies {
  return { tasks: new Tally(), pushes: new Tally(), results: new Tally(), bare: new Tally() };
}

/** The number of concurrent writers of one kind. */
const WRITERS: Readonly<Record<WriteKind, number>> = { tasks: 8, pushes: 4, results: 3, bare: 4 };
const PAUSE_MS = 2;

export async function startCrashWriters(place: CrashPlace): Promise<CrashWriters> {
  const writes = await openCrashWrites(place);
  const tallies = newTallies();
  const stopping = new AbortController();
  let next = 0;
  let failure: unknown;
  const writeOn = async (kind: WriteKind): Promise<void> => {
    const write = writes.writer(kind);
    while (!stopping.signal.aborted) {
      const number = next++;
      await tallies[kind].take(number, write(number));
      await systemClock.sleep(PAUSE_MS);
    }
  };
  const kinds = Object.keys(WRITERS) as WriteKind[];
  const running = kinds
    .flatMap((kind) => Array.from({ length: WRITERS[kind] }, () => writeOn(kind)))
    .map((writer) => writer.catch((error: unknown) => (failure ??= error)));
  const quiet = async (): Promise<void> => {
    stopping.abort();
    await Promise.all(running);
    if (failure) throw failure;
  };
  return {
    acknowledged() {
      if (failure) throw failure;
      const { tasks, pushes, results } = tallies;
      return [tasks, pushes, results].reduce((sum, tally) => sum + tally.acknowledged.size, 0);
    },
    async finish() {
      await quiet();
      return await countCrashWrites(place.server.url, tallies, await writes.submitted());
    },
    async stop() {
      await quiet().catch(() => undefined); // reported before
      await writes.close();
    },
  };
}
