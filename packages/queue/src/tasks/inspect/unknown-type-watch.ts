/**
 * Reports tasks that have been due for a minute, and whose type has no handler in this process: by one
 * warning in the log for as long as it lasts, and by a gauge. Another process may handle them; this one
 * does not know.
 */
import type { Clock } from '../../foundations/clock.ts';
import type { Log } from '../../foundations/log.ts';
import type { Metrics } from '../../foundations/metrics.ts';
import { makePasses } from '../../foundations/passes.ts';
import type { TaskInspector } from './task-inspector.ts';
import type { UnknownType } from './unknown-types.ts';

export interface UnknownTypeWatchParts {
  readonly inspector: Pick<TaskInspector, 'unknownTypes'>;
  /** The types that have handlers here. */
  readonly known: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** How long a task may wait for a process that handles its type. */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 60_000;

export class UnknownTypeWatch {
  readonly #parts: UnknownTypeWatchParts;
  #told: ReadonlySet<string> = new Set();

  constructor(parts: UnknownTypeWatchParts) {
    this.#parts = parts;
    parts.metrics.gauge(
      'postlude.task.unhandled',
      {
        description:
          'Tasks due for a minute of types that have no handler here, counted up to 10,000',
        unit: '{task}',
      },
      async () =>
        (await this.#find()).map(({ type, waiting }) => ({ value: waiting, fields: { type } })),
    );
  }

  /** Looks each minute until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    const failure = 'cannot look for tasks without a handler';
    await makePasses(() => this.look(), { clock, everyMs: LOOK_EVERY_MS, log, failure }, signal);
  }

  /** One look; tests call it, so that they need not sleep. */
  async look(): Promise<void> {
    const found = await this.#find();
    for (const { type, waiting } of found) {
      if (this.#told.has(type)) continue;
      this.#parts.log.warn(
        'tasks wait that have no handler here: another process may handle them',
        {
          type,
          waiting,
        },
      );
    }
    this.#told = new Set(found.map(({ type }) => type));
  }

  #find(): Promise<UnknownType[]> {
    const { inspector, known } = this.#parts;
    return inspector.unknownTypes(known, { forMs: PATIENCE_MS });
  }
}
