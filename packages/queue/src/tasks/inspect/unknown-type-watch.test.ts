import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { RecordingLog } from '../../../../../test/support/recording-log.ts';
import { MINUTE, openTaskWorld, PLAIN } from '../../../../../test/support/tasks/task-world.ts';
import type { GaugeReadings } from '../../foundations/metrics.ts';
import { taskType } from '../task.ts';
import { UnknownTypeWatch } from './unknown-type-watch.ts';

eachDatabase((open) => {
  describe('tasks of types without a handler', () => {
    async function openWatchWorld() {
      const world = await openTaskWorld(open);
      const log = new RecordingLog();
      const gauges = new Map<string, () => Promise<GaugeReadings>>();
      const { queue, inspector, clock } = world;
      const watch = new UnknownTypeWatch({
        inspector,
        clock,
        log,
        known: ['plain'],
        metrics: {
          counter: () => ({ add: () => undefined }),
          histogram: () => ({ record: () => undefined }),
          gauge: (name, _, read) => void gauges.set(name, read),
        },
      });
      return {
        ...world,
        watch,
        log,
        enqueueForeign: (...names: string[]) =>
          queue.enqueue(names.map((name) => ({ type: taskType(name, PLAIN.payload), id: 'x' }))),
        gauge: async () => await gauges.get('postlude.task.unhandled')?.(),
      };
    }

    test('are reported once they have waited for a minute', async () => {
      const { watch, log, clock, enqueue, enqueueForeign, gauge } = await openWatchWorld();
      await enqueue('a');
      await enqueueForeign('alien', 'zebra');
      clock.advance(MINUTE - 1);
      await watch.look();
      expect(log.lines).toEqual([]);
      expect(await gauge()).toEqual([]);
      clock.advance(1);
      await watch.look();
      expect(log.lines.map(({ level, fields }) => [level, fields])).toEqual([
        ['warn', { type: 'alien', waiting: 1 }],
        ['warn', { type: 'zebra', waiting: 1 }],
      ]);
      expect(await gauge()).toEqual([
        { value: 1, fields: { type: 'alien' } },
        { value: 1, fields: { type: 'zebra' } },
      ]);
    });

    test('are reported once while they wait, and left alone', async () => {
      const { watch, log, clock, queue, enqueueForeign, living } = await openWatchWorld();
      await enqueueForeign('alien');
      const before = await living();
      clock.advance(MINUTE);
      await watch.look();
      await watch.look();
      expect(log.lines).toHaveLength(1);
      expect(await living()).toEqual(before);
      await queue.completeAll(await queue.leaseDue('alien', 1, MINUTE));
      await watch.look();
      await enqueueForeign('alien');
      clock.advance(MINUTE);
      await watch.look();
      expect(log.lines).toHaveLength(2);
    });

    test('are not reported while another process has leased them, or before they are due', async () => {
      const { watch, log, clock, queue, enqueueForeign } = await openWatchWorld();
      await enqueueForeign('alien');
      await queue.leaseDue('alien', 1, 10 * MINUTE);
      const processAfter = clock.now() + 10 * MINUTE;
      await queue.enqueue([{ type: taskType('later', PLAIN.payload), id: 'x', processAfter }]);
      clock.advance(5 * MINUTE);
      await watch.look();
      expect(log.lines).toEqual([]);
    });
  });
});
