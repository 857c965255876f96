/**
 * What runs beside the requests: the dispatcher of tasks, the clock that keeps in step with the
 * database's, and those who look for what others left behind.
 */
import { atMost } from '../at-most.ts';
import type { Clock } from '../clock.ts';
import { toError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ServerClock } from '../storage/server-clock.ts';
import type { Dispatcher } from '../tasks/dispatch/dispatcher.ts';
import type { UnknownTypeWatch } from '../tasks/inspect/unknown-type-watch.ts';
import type { Sweeper } from '../tq/sweep/sweeper.ts';

export interface BackgroundParts {
  readonly dispatcher: Pick<Dispatcher, 'run' | 'lookedAt'>;
  /** How often the dispatcher looks for tasks. */
  readonly pollMs: number;
  readonly serverClock: Pick<ServerClock, 'run'>;
  readonly unknownTypes: Pick<UnknownTypeWatch, 'run'>;
  /** Answers how many invocations it has set going again. */
  readonly rescue: () => Promise<number>;
  readonly rescueEveryMs: number;
  /** Ends invocations whose owners have not by their deadline. */
  readonly enforcement: { run(signal: AbortSignal): Promise<void> };
  /** None where others sweep. */
  readonly sweeper: Pick<Sweeper, 'run'> | undefined;
  /** How long a sweep or another look under way may go on after `stop`: what it does not reach, the next one does. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const CLOCK_SYNC_MS = 60_000;
/** A look may fail on one connection, and the next one find another. */
const LOOK_MAY_TAKE_MS = 20_000;

export class Background {
  readonly #parts: BackgroundParts;
  readonly #stopping = new AbortController();
  readonly #startedAt: number;
  /** Keeps to the grace period by itself. */
  readonly #dispatching: Promise<void>;
  readonly #others: Promise<unknown>;
  #fault: string | undefined;

  /** Begins at once. */
  constructor(parts: BackgroundParts) {
    this.#parts = parts;
    const { clock, enforcement, serverClock, unknownTypes, sweeper, log } = parts;
    const { signal } = this.#stopping;
    this.#startedAt = clock.monotonicMs();
    this.#dispatching = this.#dispatch(signal);
    this.#others = Promise.all([
      serverClock.run({ everyMs: CLOCK_SYNC_MS, log, signal }),
      unknownTypes.run(signal),
      this.#rescueAgainAndAgain(signal),
      enforcement.run(signal),
      sweeper?.run(signal),
    ]);
  }

  /** Why tasks are not run; `undefined` while they are. */
  get fault(): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    const { lookAgeMs } = this;
    if (lookAgeMs <= this.#parts.pollMs + LOOK_MAY_TAKE_MS) return undefined;
    return `tasks could not be looked for since ${Math.floor(lookAgeMs / 1000)} s`;
  }

  /** How long ago the dispatcher last looked for tasks with success; since the start, if never. */
  get lookAgeMs(): number {
    const { clock, dispatcher } = this.#parts;
    return clock.monotonicMs() - (dispatcher.lookedAt ?? this.#startedAt);
  }

  /** Resolves once tasks under way have ended, or have been given back. */
  async stop(): Promise<void> {
    const { clock, graceMs, log } = this.#parts;
    this.#stopping.abort();
    const [haveEnded] = await Promise.all([
      atMost(clock, graceMs, this.#others),
      this.#dispatching,
    ]);
    if (!haveEnded) log.warn('the grace period is over: a sweep or a look at the database is cut');
  }

  async #dispatch(signal: AbortSignal): Promise<void> {
    const { dispatcher, log } = this.#parts;
    try {
      await dispatcher.run(signal);
      if (!signal.aborted) this.#fault = 'the dispatcher has ended';
    } catch (error) {
      this.#fault = 'the dispatcher has failed';
      log.error('the dispatcher has failed: tasks are not run', { error: toError(error) });
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
      if (rescued > 0) log.warn('stuck finalizations were set going again', { count: rescued });
    } catch (error) {
      log.warn('cannot look for stuck finalizations', { error: toError(error) });
    }
  }
}
