import assert from 'node:assert/strict';
import type { Scenario } from '../../scenarios/scenario.ts';
import { ciScenarios } from '../ci-scenario.ts';
import {
  expectNothing,
  expectRun,
  GREEN,
  greenShards,
  ONE_FAILED,
  ONE_MISSING,
  SHARDS,
  sum,
  untilOthersEnded,
} from '../verdict.ts';
import { type CiWorld, readRecipe } from '../world.ts';
import { CircleCiWorkflow, type Status } from './workflow.ts';

const RECIPE = 'examples/ci/circleci/config.yml';
const JOBS = ['announce', 'shard', 'run'];

type Tell = (world: CiWorld, workflow: CircleCiWorkflow, run: string) => Promise<void>;

const ofCircleCi = ciScenarios({ id: 'circleci', title: 'CircleCI' });

function scenario(name: string, shows: string, tell: Tell): Scenario {
  return ofCircleCi(name, shows, async (world) => {
    const workflow = new CircleCiWorkflow(world, await readRecipe(RECIPE), name === 'fork');
    await tell(world, workflow, `circle-${workflow.workspaceId}`);
  });
}

function assertStatuses(workflow: CircleCiWorkflow, expected: readonly Status[]): void {
  assert.deepEqual(
    JOBS.map((job) => workflow.status(job)),
    expected,
  );
}

export const CIRCLECI: readonly Scenario[] = [
  scenario('green', 'four nodes are recorded, and say where', async (world, workflow, run) => {
    await workflow.run();
    assertStatuses(workflow, ['success', 'success', 'success']);
    await expectRun(world, run, { totals: GREEN, is: 'green' });
    const { tags } = await world.place.status(`${run}-shard-2`);
    const known = Object.fromEntries(tags.map(({ key, value }) => [key, value]));
    assert.equal(known['ci/repository'], 'example/app');
    assert.match(known['ci/job_url'] ?? '', /^https:\/\/circleci\.com\/gh\/example\/app\/\d+$/);
  }),

  ...(['failed', 'start'] as const).map((from) =>
    scenario(
      `rerun-from-${from}`,
      'a rerun turns a red run green',
      async (world, workflow, run) => {
        await world.plan.shard(2, 'fail');
        await workflow.run();
        assertStatuses(workflow, ['success', 'failed', 'failed']);
        assert.equal(workflow.codes.get('shard 1'), 1);
        await expectRun(world, run, { totals: ONE_FAILED, is: 'red' });

        await world.plan.shard(2, 'pass');
        await (from === 'failed' ? workflow.rerunFromFailed() : workflow.rerunFromStart());
        assertStatuses(workflow, ['success', 'success', 'success']);
        const totals = sum(ONE_FAILED, greenShards(SHARDS));
        await expectRun(world, run, { totals, is: 'green', attempt: 2 });
      },
    ),
  ),

  scenario(
    'cancelled',
    'of a shard that is killed, the silence tells',
    async (world, workflow, run) => {
      await world.plan.shard(3, 'hang');
      const ended = workflow.run();
      await world.untilRunning('shard 2');
      await untilOthersEnded(world, ['shard 0', 'shard 1', 'shard 3']);
      await world.log('announce').printed(/is FINALIZING/);
      await workflow.cancel();
      await ended;
      assert.equal(workflow.status('shard'), 'canceled');
      assert.equal(workflow.status('run'), 'canceled');
      assert.match(await world.place.why(run), new RegExp(`${run}-shard-3`));
      assert.equal((await world.place.over(`${run}-shard-3`)).endCause, 'LOST');
      await expectRun(world, run, { totals: ONE_MISSING, is: 'red' });
    },
  ),

  scenario(
    'never-starts',
    'a shard whose installation fails is missed',
    async (world, workflow, run) => {
      await world.plan.installFails('shard 3');
      await workflow.run();
      assertStatuses(workflow, ['success', 'failed', 'failed']);
      await expectRun(world, run, { totals: ONE_MISSING, is: 'red' });

      await world.plan.installFails();
      await workflow.rerunFromFailed();
      assertStatuses(workflow, ['success', 'success', 'success']);
      const totals = sum(greenShards(SHARDS - 1), greenShards(SHARDS));
      await expectRun(world, run, { totals, is: 'green', attempt: 2 });
    },
  ),

  scenario('fork', 'without a token, tests decide', async (world, workflow, run) => {
    await world.plan.shard(2, 'fail');
    await workflow.run();
    assertStatuses(workflow, ['success', 'failed', 'success']);
    assert.equal(workflow.codes.get('shard 0'), 0);
    assert.equal(workflow.codes.get('shard 1'), 1);
    await expectNothing(world, `${run}-shard-1`);
  }),
];
