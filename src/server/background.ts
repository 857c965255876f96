/**
 * What runs beside the requests: the dispatcher of tasks, the clock that keeps in step with the
    const { enforcement, serverClock, unknownTypes, sweeper, log } = parts;
 */

import { atMost } from '../at-most.ts';
import type { Clock } from '../clock.ts';
import { toError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ServerClock } from '../storage/server-clock.ts';
import type { Dispatcher } from '../tasks/dispatcher.ts';
import type { UnknownTypeWatch } from '../tasks/unknown-type-watch.ts';
import type { Sweeper } from '../tq/sweep/sweeper.ts';

export interface BackgroundParts {
  readonly dispatcher: Pick<Dispatcher, 'run'>;
  readonly serverClock: Pick<ServerClock, 'run'>;
  readonly unknownTypes: Pick<UnknownTypeWatch, 'run'>;
  /** Answers how many invocations it has set going again. */
  readonly rescue: () => Promise<number>;
  readonly rescueEveryMs: number;
  /** Ends invocations whose owners have not by their deadline. */
  readonly enforcement: { run(signal: AbortSignal): Promise<void> };
  /** None where others sweep. */
  readonly sweeper: Pick<Sweeper, 'run'> | undefined;
  /** How long a sweep under way may go on after `stop`: what it does not reach, the next one does. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const CLOCK_SYNC_MS = 60_000;

export class Background {
  readonly #parts: BackgroundParts;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<unknown>;
  readonly #sweeping: Promise<void>;
  #fault: string | undefined;

  /** Begins at once. */
  constructor(parts: BackgroundParts) {
    this.#parts = parts;
    const { enforcement, serverClock, unknownTypes, sweeper, log } = parts;
    const { signal } = this.#stopping;
    this.#ended = Promise.all([
      this.#dispatch(signal),
      serverClock.run({ everyMs: CLOCK_SYNC_MS, log, signal }),
      unknownTypes.run(signal),
      this.#rescueAgainAndAgain(signal),
      enforcement.run(signal),
    ]);
    this.#sweeping = sweeper?.run(signal) ?? Promise.resolve();
  }

  /** Why tasks are not run; `undefined` while they are. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Resolves once tasks under way have ended, or have been given back. */
  async stop(): Promise<void> {
    const { clock, graceMs, log } = this.#parts;
    this.#stopping.abort();
    const [isSwept] = await Promise.all([atMost(clock, graceMs, this.#sweeping), this.#ended]);
    if (!isSwept) log.warn('the grace period is over: a sweep is cut');
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
