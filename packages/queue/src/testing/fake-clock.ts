/** A clock that stands still until a test moves it. */
import type { Clock, EpochMs } from '../foundations/clock.ts';

interface Sleeper {
  readonly wakeAt: number;
  readonly wake: () => void;
}

export class FakeClock implements Clock {
  readonly isVirtual = true;
  #now: EpochMs;
  #passedMs = 0;
  readonly #sleepers = new Set<Sleeper>();
  readonly #watchers = new Set<() => void>();

  constructor(now: EpochMs = Date.UTC(2026, 0, 2, 3, 4, 5)) {
    this.#now = now;
  }

  now(): EpochMs {
    return this.#now;
  }

  monotonicMs(): number {
    return this.#passedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0 || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper: Sleeper = {
        wakeAt: this.#passedMs + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
      for (const watcher of [...this.#watchers]) watcher();
    });
  }

  /** How many calls of `sleep` are waiting. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  /** Resolves once at least `count` calls of `sleep` are waiting. */
  untilSleepers(count: number): Promise<void> {
    if (this.#sleepers.size >= count) return Promise.resolve();
    return new Promise((resolve) => {
      const watcher = (): void => {
        if (this.#sleepers.size < count) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
    });
  }

  /** Advances time, and wakes the calls of `sleep` that are due, the earliest first. */
  advance(ms: number): void {
    this.#now += ms;
    this.#passedMs += ms;
    const due = [...this.#sleepers].filter(({ wakeAt }) => wakeAt <= this.#passedMs);
    for (const sleeper of due.sort((a, b) => a.wakeAt - b.wakeAt)) sleeper.wake();
  }

  /** Sets the clock forward or back, as an operator would: no time passes. */
  set(now: EpochMs): void {
    this.#now = now;
  }

  /** Advances time to the earliest end of a sleep. Returns false if no call of `sleep` is waiting. */
  advanceToNext(): boolean {
    if (this.#sleepers.size === 0) return false;
    const times = [...this.#sleepers].map(({ wakeAt }) => wakeAt);
    this.advance(Math.min(...times) - this.#passedMs);
    return true;
  }
}
