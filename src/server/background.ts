/**
 * Everything that runs beside the requests: the dispatcher of tasks, the clock that follows the
 * database's clock, and the periodic jobs that pick up what other processes left behind.
 */

import type { Dispatcher, UnknownTypeWatch } from '@postlude/queue';
import { atMost, type Clock, type Log, toError } from '@postlude/queue/foundations';
import type { ServerClock } from '@postlude/queue/storage';
import type { Sweeper } from '@postlude/queue/tq';

export interface BackgroundParts {
  readonly dispatcher: Pick<Dispatcher, 'run' | 'lookedAt'>;
  /** How often the dispatcher looks for tasks. */
  readonly pollMs: number;
  readonly serverClock: Pick<ServerClock, 'run'>;
  readonly unknownTypes: Pick<UnknownTypeWatch, 'run'>;
  /** Returns how many invocations it has rescheduled. */
  readonly rescue: () => Promise<number>;
  readonly rescueEveryMs: number;
  /** Ends invocations that their owners did not end by the deadline. */
  readonly enforcement: { run(signal: AbortSignal): Promise<void> };
  /** Deletes what has expired; `undefined` if other processes do. */
  readonly purging: { run(signal: AbortSignal): Promise<void> } | undefined;
  /** `undefined` if other processes sweep. */
  readonly sweeper: Pick<Sweeper, 'run'> | undefined;
  /** How long a sweep or another running job may continue after `stop`. The next run does the rest. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const CLOCK_SYNC_MS = 60_000;
/** One failed look may be due to one broken connection; the next look uses another. */
const LOOK_MAY_TAKE_MS = 20_000;

export class Background {
  readonly #parts: BackgroundParts;
  readonly #stopping = new AbortController();
  readonly #startedAt: number;
  /** The dispatcher keeps to the grace period by itself. */
  readonly #dispatching: Promise<void>;
  readonly #others: Promise<unknown>;
  #fault: string | undefined;

  /** The constructor starts everything. */
  constructor(parts: BackgroundParts) {
    this.#parts = parts;
    const { clock, enforcement, purging, serverClock, unknownTypes, sweeper, log } = parts;
    const { signal } = this.#stopping;
    this.#startedAt = clock.monotonicMs();
    this.#dispatching = this.#dispatch(signal);
    this.#others = Promise.all([
      serverClock.run({ everyMs: CLOCK_SYNC_MS, log, signal }),
      unknownTypes.run(signal),
      this.#rescueAgainAndAgain(signal),
      enforcement.run(signal),
      purging?.run(signal),
      sweeper?.run(signal),
    ]);
  }

  /** Says why tasks do not run; `undefined` while they do. */
  get fault(): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    const { lookAgeMs } = this;
    if (lookAgeMs <= this.#parts.pollMs + LOOK_MAY_TAKE_MS) return undefined;
    return `the dispatcher has not been able to look for tasks for ${Math.floor(lookAgeMs / 1000)} s`;
  }

  /** The time since the dispatcher last looked for tasks successfully, or since the start if it never did. */
  get lookAgeMs(): number {
    const { clock, dispatcher } = this.#parts;
    return clock.monotonicMs() - (dispatcher.lookedAt ?? this.#startedAt);
  }

  /** Resolves once running tasks have ended or have been released. */
  async stop(): Promise<void> {
    const { clock, graceMs, log } = this.#parts;
    this.#stopping.abort();
    const [haveEnded] = await Promise.all([
      atMost(clock, graceMs, this.#others),
      this.#dispatching,
    ]);
    if (!haveEnded) log.warn('the grace period is over: cutting off a periodic job');
  }

  async #dispatch(signal: AbortSignal): Promise<void> {
    const { dispatcher, log } = this.#parts;
    try {
      await dispatcher.run(signal);
      if (!signal.aborted) this.#fault = 'the dispatcher has ended';
    } catch (error) {
      this.#fault = 'the dispatcher has failed';
      log.error('the dispatcher has failed: no tasks run', { error: toError(error) });
    }
  }

  async #rescueAgainAndAgain(signal: AbortSignal): Promise<void> {
    const { clock, rescueEveryMs } = this.#parts;
    while (!signal.aborted) {
      await clock.sleep(rescueEveryMs, signal);
      if (!signal.aborted) await this.#rescue();
    }
  }

  async #rescue(): Promise<void> {
    const { rescue, log } = this.#parts;
    try {
      const rescued = await rescue();
      if (rescued > 0) log.warn('rescheduled stuck finalizations', { count: rescued });
    } catch (error) {
      log.warn('cannot look for stuck finalizations', { error: toError(error) });
    }
  }
}
