/** The queue's metrics. Counts and ages are read from the index of due tasks. */
import type { Counter, GaugeReadings, Histogram, Metrics } from '../foundations/metrics.ts';
import type { Outcome } from './dispatch/handler.ts';
import type { TaskInspector } from './inspect/task-inspector.ts';

export class TaskMetrics {
  readonly #attempts: Counter;
  readonly #duration: Histogram;

  constructor(metrics: Metrics) {
    this.#attempts = metrics.counter('postlude.task.attempts', {
      description: 'Attempts at tasks, by type and outcome',
      unit: '{attempt}',
    });
    this.#duration = metrics.histogram('postlude.task.duration', {
      description: 'From the start of an attempt until it is settled',
      unit: 'ms',
    });
  }

  attempted(type: string, outcome: Outcome, durationMs: number): void {
    this.#attempts.add(1, { type, outcome });
    this.#duration.record(durationMs, { type, outcome });
  }
}

/** Adds gauges for each of `types`: how many tasks are due (counted up to 10,000), and the age of the oldest. */
export function observeQueue(
  metrics: Metrics,
  parts: { readonly inspector: TaskInspector; readonly types: readonly string[] },
): void {
  const { inspector, types } = parts;
  const read = async (
    pick: (depth: Awaited<ReturnType<TaskInspector['depth']>>) => number | undefined,
  ): Promise<GaugeReadings> => {
    const readings = await Promise.all(
      types.map(async (type) => ({ value: pick(await inspector.depth(type)), fields: { type } })),
    );
    return readings.flatMap(({ value, fields }) => (value === undefined ? [] : { value, fields }));
  };
  metrics.gauge(
    'postlude.task.due',
    { description: 'Due tasks, counted up to 10,000', unit: '{task}' },
    () => read(({ due }) => due),
  );
  metrics.gauge(
    'postlude.task.oldest_due_age',
    { description: 'How long the oldest due task has been due', unit: 's' },
    () =>
      read(({ oldestDueAgeMs }) =>
        oldestDueAgeMs === undefined ? undefined : oldestDueAgeMs / 1000,
      ),
  );
}
