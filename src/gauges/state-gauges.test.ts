import { create, toBinary } from '@bufbuild/protobuf';
import type { Database } from '@postlude/queue/storage';
import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../test/support/databases/databases.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { DAY, PurgeWorld } from '../../test/support/retention/purge-world.ts';
import { enqueueInvocationRows } from '../exporter/invocation-rows.ts';
import { BQ_EXPORT, exportTask } from '../exporter/task.ts';
import { BigQueryExportSchema } from '../gen/luci/resultdb/v1/invocation_pb.js';
import type { InvocationId } from '../invocations/id.ts';
import { openMeters } from '../server/telemetry/meters.ts';
import { GAUGE_INTERVAL_MS, observeState, withSharedGauges } from './state-gauges.ts';

const HOUR = 3_600_000;

function openWorld(db: Database) {
  const world = new PurgeWorld(db);
  const { metrics, render } = openMeters({ log: new RecordingLog() });
  observeState({ db, clock: world.clock, metrics });
  /** Renders after an interval, without comments, and without what `db` is not about. */
  const scrape = async () => {
    world.clock.advance(GAUGE_INTERVAL_MS);
    const lines = (await render()).split('\n');
    return lines.filter((each) => each.startsWith('postlude_'));
  };
  const enqueue = async (name: string, table: string) => {
    const destination = create(BigQueryExportSchema, { project: 'p', dataset: 'd', table });
    const payload = toBinary(BigQueryExportSchema, destination);
    await db.write((tx) => world.queue.enqueue([exportTask(name as InvocationId, 0, payload)], tx));
  };
  return { world, scrape, enqueue };
}

eachDatabase((open) => {
  test('counts what is open and what is overdue, and says since when', async () => {
    const { scrape, world } = openWorld(await open());
    expect(await scrape()).toEqual([
      'postlude_invocation_open{state="ACTIVE"} 0',
      'postlude_invocation_open{state="FINALIZING"} 0',
      'postlude_invocation_oldest_open_age{state="ACTIVE"} 0',
      'postlude_invocation_oldest_open_age{state="FINALIZING"} 0',
      'postlude_invocation_overdue 0',
      'postlude_invocation_overdue_age 0',
      'postlude_retention_backlog_age 0',
    ]);
    await world.create('old', { deadline: world.clock.now() + HOUR });
    world.clock.advance(2 * HOUR);
    await world.create('young');
    await world.create('waiting');
    await world.include('waiting', 'young');
    await world.create('done');
    await world.finalize('waiting', 'done');
    world.clock.advance(HOUR - GAUGE_INTERVAL_MS);
    expect(await scrape()).toEqual([
      'postlude_invocation_open{state="ACTIVE"} 2',
      'postlude_invocation_open{state="FINALIZING"} 1',
      'postlude_invocation_oldest_open_age{state="ACTIVE"} 10800',
      'postlude_invocation_oldest_open_age{state="FINALIZING"} 3600',
      'postlude_invocation_overdue 1',
      'postlude_invocation_overdue_age 7200',
      'postlude_retention_backlog_age 0',
    ]);
  });

  test('counts the rows of invocations among the exports, by their table', async () => {
    const { scrape, world } = openWorld(await open());
    const table = { project: 'p', dataset: 'd', table: 'runs' };
    const rows = { ids: ['a', 'b'] as InvocationId[], table, requestTime: world.clock.now() };
    await world.db.write((tx) => enqueueInvocationRows(world.queue, tx, rows));
    const lines = (await scrape()).filter((each) => each.includes('"p.d.runs"'));
    expect(lines).toEqual(['postlude_export_tasks{state="pending",table="p.d.runs"} 2']);
  });

  test('counts exports by table and state, and dead tasks by type', async () => {
    const { enqueue, scrape, world } = openWorld(await open());
    for (const [name, table] of Object.entries({ a: 't', b: 't', c: 't', d: 'u', e: 'u' })) {
      await enqueue(name, table);
    }
    const [dead, failing, running] = await world.queue.leaseDue(BQ_EXPORT.name, 3, HOUR);
    if (dead) await world.queue.markDead(dead, 'broken');
    if (failing) await world.queue.retry(failing, { error: 'away', delayMs: HOUR });
    expect(running).toBeDefined();
    const lines = (await scrape()).filter((each) => /export_tasks|task_dead/.test(each));
    expect(lines.filter((each) => each.includes('task_dead'))).toEqual([
      'postlude_task_dead{type="bq_export"} 1',
    ]);
    const byState = (state: string) =>
      lines
        .filter((each) => each.includes(`state="${state}"`))
        .reduce((sum, each) => sum + Number(each.split(' ').at(-1)), 0);
    expect(['running', 'failing', 'pending'].map(byState)).toEqual([1, 1, 2]);
  });

  test('says how long retention is late', async () => {
    const { scrape, world } = openWorld(await open());
    await world.create('a');
    await world.finalize('a');
    world.clock.advance(61 * DAY - GAUGE_INTERVAL_MS);
    expect(await scrape()).toContain(`postlude_retention_backlog_age ${DAY / 1000}`);
  });
});

test('names the tables that have most exports, and sums up the others', async () => {
  const { enqueue, scrape } = openWorld(await openTestPglite());
  for (let number = 0; number < 25; number++) await enqueue(`i${number}`, `t${number}`);
  for (let number = 0; number < 5; number++) await enqueue(`more${number}`, 't24');
  const lines = (await scrape()).filter((each) => each.includes('export_tasks'));
  expect(lines).toHaveLength(21);
  expect(lines).toContain('postlude_export_tasks{state="pending",table="p.d.t24"} 6');
  expect(lines).toContain('postlude_export_tasks{state="pending",table="others"} 5');
});

test('reads the database once per interval, however often it is asked', async () => {
  const db = await openTestPglite();
  let reads = 0;
  const counting: Database = Object.assign(Object.create(db), {
    dialect: db.dialect,
    write: db.write.bind(db),
    read: async (...args: Parameters<Database['read']>) => {
      reads += 1;
      return await db.read(...args);
    },
  });
  const world = new PurgeWorld(counting);
  const { metrics, render } = openMeters({ log: new RecordingLog() });
  observeState({ db: counting, clock: world.clock, metrics });
  await Promise.all([render(), render(), render()]);
  await render();
  const once = reads;
  world.clock.advance(GAUGE_INTERVAL_MS);
  await Promise.all([render(), render()]);
  expect(reads).toBe(2 * once);
});

test('other gauges can be read as seldom', async () => {
  const clock = new FakeClock();
  const { metrics, render } = openMeters({ log: new RecordingLog() });
  let reads = 0;
  withSharedGauges({ clock, metrics }).gauge('reads', { description: 'reads' }, async () => {
    reads += 1;
    return [{ value: reads, fields: {} }];
  });
  for (let times = 0; times < 2; times++) expect(await render()).toContain('reads 1');
  clock.advance(GAUGE_INTERVAL_MS);
  expect(await render()).toContain('reads 2');
});
