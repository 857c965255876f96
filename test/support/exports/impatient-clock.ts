/** A clock on which short pauses are over at once, while time limits never end: nothing in a test waits. */
import type { Clock, EpochMs } from '@postlude/queue/foundations';

const LONGEST_PAUSE_MS = 30_000;

export class ImpatientClock implements Clock {
  /** All pauses so far. */
  readonly pausesMs: number[] = [];
  #now: EpochMs = Date.UTC(2026, 0, 2, 3, 4, 5);

  now(): EpochMs {
    return this.#now;
  }

  monotonicMs(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms > LONGEST_PAUSE_MS) return await untilAborted(signal);
    this.pausesMs.push(ms);
    this.#now += ms;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function untilAborted(signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve()));
}
