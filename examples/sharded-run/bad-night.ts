/**
 * A run on a bad night: one shard is run twice, the machine of another dies and is not replaced, and the job
 * of the third is cancelled. The run still ends, says why, and is not green.
 */
import { killMachine, printed, RECORDING } from './processes.ts';
import { badNightShardsOf } from './shards.ts';
import { EXPORT, type Stage } from './stage.ts';
import type { Totals } from './totals.ts';

const CANCELLED = 128 + 15;

export async function badNight(stage: Stage, run: string): Promise<void> {
  const { cancelled, dying, retried } = badNightShardsOf(run, stage.folder);
  const totals: Totals[] = [];

  stage.step('A bad night. This run is declared before its three shards exist.');
  await stage.run(['create', run, '--expect', `${run}-shard-1..3`, '--export', EXPORT]);

  stage.step('Shard 1 fails, and is run again.');
  totals.push(await stage.recordToEnd(retried), await stage.recordToEnd(retried));

  stage.step('The machine of shard 2 dies, and nobody starts it again.');
  const lost = stage.record(dying);
  await printed(lost, RECORDING);
  killMachine(lost);
  await lost.ended;

  stage.step('The job of shard 3 is cancelled: SIGTERM, in the middle of its tests.');
  const job = stage.record(cancelled);
  await printed(job, /^ok 3 /m);
  job.child.kill('SIGTERM');
  const code = await job.ended;
  if (code !== CANCELLED) throw new Error(`${cancelled.id} ended with ${code}:\n${job.output()}`);
  totals.push(stage.totalsOf(cancelled, job));

  stage.step('No further shard is to come. The run ends, and each of its shards says why it did.');
  await stage.run(['finalize', run]);
  await stage.run(['status', run, '--watch']);
  for (const { id } of [dying, cancelled]) await stage.run(['why', id]);

  stage.step('Is it green? "postlude gate" ends with 1: what was cut short never is.');
  await stage.run(['gate', run], 1);

  const warehouse = await stage.openWarehouse(run);
  await stage.compare(totals, warehouse);
  warehouse.close();
}
