import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import type { Scenario } from '../../scenarios/scenario.ts';
import { ciScenarios } from '../ci-scenario.ts';
import {
  expectNothing,
  expectRun,
  GREEN,
  greenShards,
  ONE_CANCELLED,
  ONE_FAILED,
  ONE_MISSING,
  sum,
  untilOthersEnded,
} from '../verdict.ts';
import { type CiWorld, readRecipe } from '../world.ts';
import { BuildkiteBuild, type State } from './build.ts';

const RECIPE = 'examples/ci/buildkite/pipeline.yml';
const JOBS = ['announce', 'shard 1', 'shard 2', 'shard 3', 'shard 4', 'run'];
const ALL_GREEN = JOBS.map((): State => 'passed');

type Tell = (world: CiWorld, build: BuildkiteBuild, run: string) => Promise<void>;

const ofBuildkite = ciScenarios({ id: 'buildkite', title: 'Buildkite' });

function scenario(name: string, shows: string, tell: Tell): Scenario {
  return ofBuildkite(name, shows, async (world) => {
    const build = new BuildkiteBuild(world, await readRecipe(RECIPE), name === 'fork');
    await tell(world, build, `bk-${build.id}`);
  });
}

function assertStates(build: BuildkiteBuild, expected: readonly (State | undefined)[]): void {
  assert.deepEqual(
    JOBS.map((job) => build.state(job)),
    expected,
  );
}

export const BUILDKITE: readonly Scenario[] = [
  scenario('green', 'four shards are recorded, and say where', async (world, build, run) => {
    await build.run();
    assertStates(build, ALL_GREEN);
    await expectRun(world, run, { totals: GREEN, is: 'green' });
    const { tags } = await world.place.status(`${run}-shard-2`);
    const known = Object.fromEntries(tags.map(({ key, value }) => [key, value]));
    assert.match(
      known['ci/job_url'] ?? '',
      /^https:\/\/buildkite\.com\/example\/app\/builds\/\d+#/,
    );
    assert.equal(known['ci/job'], 'shard');
    assert.equal(known['ci/attempt'], '1');
  }),

  scenario('retry-job', 'a retried job turns a red run green', async (world, build, run) => {
    await world.plan.shard(2, 'fail');
    await build.run();
    assertStates(build, ['passed', 'passed', 'failed', 'passed', 'passed', 'failed']);
    assert.equal(build.codes.get('shard 2'), 1);
    await expectRun(world, run, { totals: ONE_FAILED, is: 'red' });

    await world.plan.shard(2, 'pass');
    await build.retry('shard 2');
    await build.retry('run');
    assertStates(build, ALL_GREEN);
    const totals = sum(ONE_FAILED, greenShards(1));
    await expectRun(world, run, { totals, is: 'green', attempt: 2 });
  }),

  scenario('cancelled', 'a cancelled run ends, and tells', async (world, build, run) => {
    await world.plan.shard(3, 'hang');
    const ended = build.run();
    await world.untilRunning('shard 3');
    await untilOthersEnded(world, ['shard 1', 'shard 2', 'shard 4']);
    await world.log('announce').printed(/is FINALIZING/);
    await build.cancel();
    await ended;
    assert.equal(build.state('shard 3'), 'canceled');
    assert.equal(build.codes.get('shard 3'), 143);
    assert.equal(build.state('run'), undefined);
    assert.equal((await world.place.over(`${run}-shard-3`)).endCause, 'CANCELLED');
    await expectRun(world, run, { totals: ONE_CANCELLED, is: 'red' });
  }),

  scenario('never-starts', 'a shard whose agent is lost is missed', async (world, build, run) => {
    build.neverStart.add('shard 4');
    await build.run();
    assertStates(build, ['passed', 'passed', 'passed', 'passed', 'failed', 'failed']);
    await expectRun(world, run, { totals: ONE_MISSING, is: 'red' });

    build.neverStart.clear();
    await build.retry('shard 4');
    await build.retry('run');
    assertStates(build, ALL_GREEN);
    await expectRun(world, run, { totals: GREEN, is: 'green', attempt: 2 });
  }),

  scenario(
    'fork',
    'without a token, tests decide, and results are kept',
    async (world, build, run) => {
      await world.plan.shard(2, 'fail');
      await build.run();
      assertStates(build, [undefined, 'passed', 'failed', 'passed', 'passed', undefined]);
      assert.equal(build.codes.get('shard 2'), 1);
      assert.equal(readdirSync(build.artifacts).length, 4);
      await expectNothing(world, `${run}-shard-1`);
    },
  ),
];
