import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { RecordingLog } from '../../../../../test/support/recording-log.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import { MINUTE, openTaskWorld, PLAIN } from '../../../../../test/support/tasks/task-world.ts';
import { CodedError } from '../../foundations/errors.ts';
import { Settler } from '../settle/settler.ts';
import { Attempt } from './attempt.ts';
import { Heartbeat } from './heartbeat.ts';
import { LifecycleLog } from './lifecycle-log.ts';

eachDatabase((open) => {
  /** Leases and begins all due tasks, with a heartbeat whose calls fail as `fails` says. */
  async function openHeartWorld(ids: readonly string[], fails: (call: number) => boolean) {
    const world = await openTaskWorld(open);
    const { queue, clock } = world;
    const log = new RecordingLog();
    await world.enqueue(...ids);
    const lifecycle = new LifecycleLog(log);
    const parts = { queue, clock, log, lifecycle, random: () => 0.5 };
    const settler = new Settler(parts);
    const handler = { type: PLAIN, handle: async () => undefined };
    const leases = await queue.leaseDue('plain', ids.length, MINUTE);
    const attempts = leases.map((lease) => new Attempt(lease, handler, { ...parts, settler }));
    const beats = new Signal();
    let calls = 0;
    const heartbeat = new Heartbeat({
      clock,
      log,
      lifecycle,
      leaseMs: MINUTE,
      attempts: () => attempts,
      queue: {
        extend: async (...request) => {
          calls += 1;
          beats.emit();
          if (fails(calls)) throw new CodedError('unavailable', 'the database is away');
          return await queue.extend(...request);
        },
      },
    });
    return { ...world, heartbeat, beats, log };
  }

  describe('a heartbeat', () => {
    test('beats at a third of the lease', async () => {
      const world = await openHeartWorld(['a'], () => false);
      const stop = new AbortController();
      const running = world.heartbeat.run(stop.signal);
      await world.clock.untilSleepers(1);
      world.clock.advance(MINUTE / 3);
      await world.beats.next();
      await world.clock.untilSleepers(1);
      expect((await world.living())[0]?.leaseUntil).toBe(world.clock.now() + MINUTE);
      stop.abort();
      await running;
    });

    test('beats again soon after a failure, so that one of them loses no lease', async () => {
      const world = await openHeartWorld(['a'], (call) => call <= 4);
      const stop = new AbortController();
      const running = world.heartbeat.run(stop.signal);
      for (const pauseMs of [MINUTE / 3, ...Array(4).fill(MINUTE / 20)]) {
        await world.clock.untilSleepers(1);
        world.clock.advance(pauseMs);
        await world.beats.next();
      }
      await world.clock.untilSleepers(1);
      expect(world.log.lines).toHaveLength(4);
      world.clock.advance(MINUTE / 3 - 1);
      expect(await world.peek()).toEqual([]);
      stop.abort();
      await running;
    });

    test('extends the other leases if it cannot extend some', async () => {
      const ids = Array.from({ length: 600 }, (_, index) => `t${1_000 + index}`);
      const world = await openHeartWorld(ids, (call) => call === 1);
      world.clock.advance(MINUTE / 3);
      await expect(world.heartbeat.beat()).rejects.toThrow('the database is away');
      world.clock.advance((MINUTE * 2) / 3);
      expect(await world.peek()).toEqual(ids.slice(0, 500));
    });
  });
});
