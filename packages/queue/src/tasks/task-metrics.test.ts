import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../test/support/databases/databases.ts';
import { MINUTE, openTaskWorld, PLAIN } from '../../../../test/support/tasks/task-world.ts';
import type { GaugeReadings, MetricFields, Metrics } from '../foundations/metrics.ts';
import { type Database, type LimitOptions, LOOK } from '../storage/database.ts';
import { observeReminders } from '../tq/reminders/reminder-gauges.ts';
import { Dispatcher } from './dispatch/dispatcher.ts';
import { TaskInspector } from './inspect/task-inspector.ts';
import { observeQueue } from './task-metrics.ts';

/** Keeps recorded values by the name of the instrument. */
class RecordingMetrics implements Metrics {
  readonly recorded: { readonly name: string; value: number; fields: MetricFields }[] = [];
  readonly #gauges = new Map<string, () => Promise<GaugeReadings>>();

  counter(name: string) {
    return { add: (value: number, fields = {}) => this.#record(name, value, fields) };
  }

  histogram(name: string) {
    return { record: (value: number, fields = {}) => this.#record(name, value, fields) };
  }

  gauge(name: string, _options: unknown, read: () => Promise<GaugeReadings>): void {
    this.#gauges.set(name, read);
  }

  get gauges(): readonly string[] {
    return [...this.#gauges.keys()];
  }

  async read(name: string): Promise<Record<string, number>> {
    const readings = (await this.#gauges.get(name)?.()) ?? [];
    return Object.fromEntries(readings.map(({ value, fields }) => [fields.type, value]));
  }

  #record(name: string, value: number, fields: MetricFields): void {
    this.recorded.push({ name, value, fields });
  }
}

eachDatabase((open) => {
  describe('metrics', () => {
    test('count attempts by type and outcome, and measure how long they took', async () => {
      const metrics = new RecordingMetrics();
      const { queue, clock, enqueue } = await openTaskWorld(open);
      await enqueue('a');
      const dispatcher = new Dispatcher({
        queue,
        clock,
        metrics,
        handlers: [{ type: PLAIN, handle: async () => clock.advance(250) }],
      });
      await dispatcher.runOnce();
      const fields = { type: 'plain', outcome: 'done' };
      expect(metrics.recorded).toEqual([
        { name: 'postlude.task.attempts', value: 1, fields },
        { name: 'postlude.task.duration', value: 250, fields },
      ]);
    });

    test('show how many tasks are due and for how long; a series ends with the last task', async () => {
      const metrics = new RecordingMetrics();
      const { queue, inspector, clock, enqueue } = await openTaskWorld(open);
      observeQueue(metrics, { inspector, types: ['plain', 'other'] });
      await enqueue('a', 'b');
      await queue.enqueue([{ type: PLAIN, id: 'later', processAfter: clock.now() + 2 * MINUTE }]);
      clock.advance(MINUTE);
      expect(await metrics.read('postlude.task.due')).toEqual({ plain: 2, other: 0 });
      expect(await metrics.read('postlude.task.oldest_due_age')).toEqual({ plain: 60 });
      await queue.completeAll(await queue.leaseDue('plain', 2, MINUTE));
      expect(await metrics.read('postlude.task.due')).toEqual({ plain: 0, other: 0 });
      expect(await metrics.read('postlude.task.oldest_due_age')).toEqual({});
    });

    test('have a short limit: scrapes of a silent database do not hold its connections for long', async () => {
      const metrics = new RecordingMetrics();
      const { db, clock } = await openTaskWorld(open);
      const limits: unknown[] = [];
      const noting: Database = Object.assign(Object.create(db), {
        read: (fn: Parameters<typeof db.read>[0], options: LimitOptions = {}) => {
          limits.push(options.limitMs);
          return db.read(fn);
        },
      });
      const inspector = new TaskInspector({ db: noting, clock });
      observeQueue(metrics, { inspector, types: ['plain'] });
      observeReminders(metrics, { db: noting, clock });
      for (const name of metrics.gauges) await metrics.read(name);
      expect(limits).toEqual(metrics.gauges.map(() => LOOK.limitMs));
      expect(limits).toHaveLength(4);
    });
  });
});
