/** A run in four shards. The machine of one shard dies, so the run ends only after it was run again. */
import { writeFileSync } from 'node:fs';
import { killMachine, printed, RECORDING } from './processes.ts';
import { shardsOf } from './shards.ts';
import { EXPORT, type Stage } from './stage.ts';
import type { Totals } from './totals.ts';
import { QUERIES, type Warehouse } from './warehouse.ts';

export async function lateShard(stage: Stage, run: string): Promise<void> {
  const shards = shardsOf(run, stage.folder);
  const totals: Totals[] = [];

  stage.step('Four machines run one test suite: a shard each, three runners, a process each.');
  const lost = stage.record(shards.parcels);
  for (const shard of [shards.cart, shards.shipping, shards.delivery]) {
    totals.push(await stage.recordToEnd(shard));
  }
  stage.say(`${shards.parcels.id}: ${shards.parcels.runner} is still running …`);

  stage.step(
    'Shard 2 had failed, so CI runs it again: its second attempt. Both belong to the run.',
  );
  totals.push(await stage.recordToEnd(shards.shipping));

  stage.step('The run is declared: these shards, and nothing else. It is over when they are.');
  await printed(lost, RECORDING);
  const includes = Object.values(shards).flatMap(({ id }) => ['--include', id]);
  await stage.run(['create', run, '--finalize', '--export', EXPORT, ...includes]);
  await stage.run(['why', run]);

  stage.step('The machine of shard 4 dies: SIGKILL, no goodbye. Does the run end without it? No:');
  killMachine(lost);
  await lost.ended;
  await stage.run(['why', run]);

  stage.step('CI starts shard 4 again: an attempt in place of the one that died.');
  writeFileSync(shards.parcels.env.DEMO_SHIP, 'land ahoy\n');
  totals.push(await stage.recordToEnd(shards.parcels));

  stage.step(
    'Now nothing below the run can change. That is decided once, with the export it leads to.',
  );
  await stage.run(['status', run, '--watch']);

  const warehouse = await stage.openWarehouse(run);
  await ask(stage, warehouse);
  await stage.compare(totals, warehouse);
  warehouse.close();
}

async function ask(stage: Stage, warehouse: Warehouse): Promise<void> {
  stage.step('One Parquet file holds every result. DuckDB, please:');
  for (const question of ['slowest', 'flaky', 'failing'] as const) {
    stage.say(`${question}:`);
    for (const row of await warehouse.rows(QUERIES[question])) {
      const cells = Object.values(row).map((cell) =>
        Array.isArray(cell) ? cell.join(' then ') : cell,
      );
      stage.say(`  ${cells.join('   ')}`);
    }
  }
}
