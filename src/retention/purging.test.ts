import { expect, test } from 'vitest';
import { openTestPglite } from '../../test/support/databases/databases.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { DAY, expected, PurgeWorld } from '../../test/support/retention/purge-world.ts';
import { openMeters } from '../server/telemetry/meters.ts';
import { Purging } from './purging.ts';

test('goes on after a pass that failed, and reports what it deleted', async () => {
  const world = new PurgeWorld(await openTestPglite());
  await world.create('a');
  await world.record('a', expected('t'), expected('u'));
  await world.finalize('a');
  world.clock.advance(540 * DAY);
  let failures = 1;
  const failing = Object.assign(Object.create(world.db), {
    dialect: world.db.dialect,
    read: async (fn: Parameters<typeof world.db.read>[0]) => {
      if (failures-- > 0) throw new Error('no database');
      return await world.db.read(fn);
    },
    write: world.db.write.bind(world.db),
  }) as typeof world.db;
  const log = new RecordingLog();
  const { metrics, render } = openMeters({ log });
  const purging = new Purging({ ...world.parts, db: failing, everyMs: 60_000, log, metrics });
  const stopping = new AbortController();
  const running = purging.run(stopping.signal);
  await world.clock.untilSleepers(1);
  world.clock.advance(60_000);
  await world.clock.untilSleepers(1);
  stopping.abort();
  await running;
  expect(log.lines).toMatchObject([
    { level: 'warn', message: 'cannot delete what has expired' },
    { message: 'deleted what had expired', fields: { invocations: 1, test_results: 2 } },
  ]);
  const rendered = await render();
  expect(rendered).toContain('postlude_retention_deleted_rows_total{table="invocations"} 1');
  expect(rendered).toContain('postlude_retention_deleted_rows_total{table="test_results"} 2');
  expect(rendered).toContain('postlude_retention_pass_duration_count 1');
});
