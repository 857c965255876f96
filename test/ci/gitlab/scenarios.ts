import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
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
import { GitLabPipeline, type Status } from './pipeline.ts';

const RECIPE = 'examples/ci/gitlab/.gitlab-ci.yml';
const JOBS = ['announce', 'shard 1/4', 'shard 2/4', 'shard 3/4', 'shard 4/4', 'run'];
const ALL_GREEN = JOBS.map((): Status => 'success');

type Tell = (world: CiWorld, pipeline: GitLabPipeline, run: string) => Promise<void>;

const ofGitLab = ciScenarios({ id: 'gitlab', title: 'GitLab CI' });

function scenario(name: string, shows: string, tell: Tell): Scenario {
  return ofGitLab(name, shows, async (world) => {
    const project = name === 'fork' ? 'someone/app' : 'example/app';
    const pipeline = new GitLabPipeline(world, await readRecipe(RECIPE), project);
    await tell(world, pipeline, `gl-${pipeline.id}`);
  });
}

function assertStatuses(pipeline: GitLabPipeline, expected: readonly Status[]): void {
  assert.deepEqual(
    JOBS.map((job) => pipeline.status(job)),
    expected,
  );
}

export const GITLAB: readonly Scenario[] = [
  scenario('green', 'four shards are recorded, and say where', async (world, pipeline, run) => {
    await pipeline.run();
    assertStatuses(pipeline, ALL_GREEN);
    await expectRun(world, run, { totals: GREEN, is: 'green' });
    const { tags } = await world.place.status(`${run}-shard-2`);
    const { 'ci/job_url': page, ...others } = Object.fromEntries(
      tags.map(({ key, value }) => [key, value]),
    );
    assert.match(page ?? '', /^https:\/\/gitlab\.com\/example\/app\/-\/jobs\/\d+$/);
    assert.equal(others['ci/branch'], 'main');
    assert.equal(others['ci/job'], 'shard 2/4');
  }),

  scenario('retry-job', 'a retried job turns a red run green', async (world, pipeline, run) => {
    await world.plan.shard(2, 'fail');
    await pipeline.run();
    assertStatuses(pipeline, [
      ...['success', 'success', 'failed', 'success', 'success', 'failed'],
    ] as Status[]);
    assert.equal(pipeline.codes.get('shard 2/4'), 1);
    await expectRun(world, run, { totals: ONE_FAILED, is: 'red' });

    await world.plan.shard(2, 'pass');
    await pipeline.retryJob('shard 2/4');
    assert.equal(pipeline.status('run'), 'failed');
    await pipeline.retryJob('run');
    assertStatuses(pipeline, ALL_GREEN);
    const totals = sum(ONE_FAILED, greenShards(1));
    await expectRun(world, run, { totals, is: 'green', attempt: 2 });
  }),

  scenario('cancelled', 'a cancelled run ends, and tells', async (world, pipeline, run) => {
    await world.plan.shard(3, 'hang');
    const ended = pipeline.run();
    await world.untilRunning('shard 3/4');
    await untilOthersEnded(world, ['shard 1/4', 'shard 2/4', 'shard 4/4']);
    await world.log('announce').printed(/is FINALIZING/);
    await pipeline.cancel();
    await ended;
    assert.equal(pipeline.status('shard 3/4'), 'canceled');
    assert.equal(pipeline.status('run'), 'canceled');
    const { endCause, properties } = await world.place.over(`${run}-shard-3`);
    assert.equal(endCause, 'CANCELLED');
    assert.equal(properties?.command?.cancelledBy, 'SIGTERM');
    await expectRun(world, run, { totals: ONE_CANCELLED, is: 'red' });
  }),

  scenario(
    'never-starts',
    'a shard whose installation fails is missed',
    async (world, pipeline, run) => {
      await world.plan.installFails('shard 4/4');
      await pipeline.run();
      assertStatuses(pipeline, [
        ...['success', 'success', 'success', 'success', 'failed', 'failed'],
      ] as Status[]);
      await expectRun(world, run, { totals: ONE_MISSING, is: 'red' });

      await world.plan.installFails();
      await pipeline.retry();
      assertStatuses(pipeline, ALL_GREEN);
      await expectRun(world, run, { totals: GREEN, is: 'green', attempt: 2 });
    },
  ),

  scenario('fork', 'with a token of the fork, tests decide', async (world, pipeline, run) => {
    await world.plan.shard(2, 'fail');
    await pipeline.run();
    assert.deepEqual(pipeline.jobs, JOBS.slice(1, 5));
    assert.equal(pipeline.status('shard 1/4'), 'success');
    assert.equal(pipeline.codes.get('shard 2/4'), 1);
    const kept = globSync('*/.postlude/spool/*.jsonl', {
      cwd: join(world.place.folder, 'artifacts'),
    });
    assert.equal(kept.length, 4);
    await expectNothing(world, `${run}-shard-1`);
  }),

  {
    stopsServer: true,
    ...scenario(
      'server-away',
      'shards that no server took are uploaded by the last job',
      async (world, pipeline, run) => {
        const { server } = world.place;
        await server.stop('SIGKILL');
        const ended = pipeline.run();
        const shards = JOBS.slice(1, 5);
        await untilOthersEnded(world, shards);
        await server.start();
        await ended;
        assertStatuses(pipeline, ALL_GREEN);
        await expectRun(world, run, { totals: GREEN, is: 'green' });
      },
    ),
  },
];
