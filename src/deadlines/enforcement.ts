/** Enforces deadlines for as long as a server runs, and reports the invocations that it ended. */

import {
  type Counter,
  type Histogram,
  type Log,
  type Metrics,
  makePasses,
} from '@postlude/queue/foundations';
import type { FinalizerParts } from '../finalizer/parts.ts';
import { type Ended, endOverdue } from './enforcer.ts';

export interface EnforcementParts {
  readonly finalizer: FinalizerParts;
  /** The pause between two passes. */
  readonly everyMs: number;
  readonly log: Log;
  readonly metrics: Metrics;
}

export class Enforcement {
  readonly #parts: EnforcementParts;
  readonly #ended: Counter;
  readonly #delay: Histogram;

  constructor(parts: EnforcementParts) {
    this.#parts = parts;
    this.#ended = parts.metrics.counter('postlude.invocation.ended', {
      description: 'Invocations that the server ended in place of their owners, by cause',
      unit: '{invocation}',
    });
    this.#delay = parts.metrics.histogram('postlude.invocation.end_delay', {
      description: 'Time from when an invocation was due to be ended until it was ended',
      unit: 'ms',
    });
  }

  /**
   * Makes passes until `signal` aborts. If a pass fails, that is logged, and the next pass starts
   * over.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { everyMs, finalizer, log } = this.#parts;
    const { clock } = finalizer;
    const options = { clock, everyMs, log, failure: 'cannot enforce deadlines' };
    await makePasses(() => this.runOnce(signal), options, signal);
  }

  /** Makes one pass, and returns how many invocations it ended. */
  runOnce(signal?: AbortSignal): Promise<number> {
    const onEnded = (ended: Ended): void => this.#count(ended);
    return endOverdue(this.#parts.finalizer, { onEnded, ...(signal ? { signal } : {}) });
  }

  #count({ cause, delayMs, invocation }: Ended): void {
    this.#ended.add(1, { cause });
    this.#delay.record(delayMs, { cause });
    this.#parts.log.info('an invocation was ended in place of its owner', {
      invocation: invocation.id,
      cause,
      owner: invocation.createdBy,
      delayMs,
    });
  }
}
