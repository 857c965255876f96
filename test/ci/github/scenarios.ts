import assert from 'node:assert/strict';
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
  SHARDS,
  sum,
  untilOthersEnded,
} from '../verdict.ts';
import { type CiWorld, COMMIT, type Conclusion, readRecipe } from '../world.ts';
import { type GitHubEvent, GitHubRun } from './run.ts';

const RECIPE = 'examples/ci/github-actions/tests.yml';
const WITH_ACTION = 'examples/ci/github-actions/with-action.yml';
const PUSH: GitHubEvent = { name: 'push' };
const JOBS = ['shard (1)', 'shard (2)', 'shard (3)', 'shard (4)', 'run'];

type Start = (event?: GitHubEvent, recipe?: string) => Promise<GitHubRun>;

const ofGitHub = ciScenarios({ id: 'github', title: 'GitHub Actions' });

function scenario(
  name: string,
  shows: string,
  tell: (world: CiWorld, start: Start) => Promise<void>,
): Scenario {
  return ofGitHub(name, shows, (world) =>
    tell(world, async (event = PUSH, recipe = RECIPE) => {
      return new GitHubRun(world, await readRecipe(recipe), event);
    }),
  );
}

function assertConclusions(run: GitHubRun, expected: readonly Conclusion[]): void {
  assert.deepEqual(
    JOBS.map((job) => run.conclusion(job)),
    expected,
  );
}

const ALL_GREEN: readonly Conclusion[] = JOBS.map(() => 'success');

export const GITHUB: readonly Scenario[] = [
  ...[
    { name: 'green', recipe: RECIPE },
    { name: 'action-green', recipe: WITH_ACTION },
  ].map(({ name, recipe }) =>
    scenario(name, `${recipe} runs four shards, and says where they ran`, async (world, start) => {
      const run = await start({ name: 'pull_request' }, recipe);
      await run.runAll();
      assertConclusions(run, ALL_GREEN);
      await expectRun(world, `gh-${run.id}`, { totals: GREEN, is: 'green' });
      const page = `https://github.com/example/app/actions/runs/${run.id}`;
      const { tags } = await world.place.status(`gh-${run.id}-shard-2`);
      assert.deepEqual(Object.fromEntries(tags.map(({ key, value }) => [key, value])), {
        'ci/system': 'github',
        'ci/repository': 'example/app',
        'ci/commit': COMMIT,
        'ci/branch': 'fix',
        'ci/base': 'main',
        'ci/pull_request': '5',
        'ci/job': 'shard',
        'ci/pipeline_url': page,
        'ci/job_url': `${page}/attempts/1`,
        'ci/attempt': '1',
      });
    }),
  ),

  scenario('rerun-failed', 're-run failed jobs turns a red run green', async (world, start) => {
    const run = await start();
    await world.plan.shard(2, 'fail');
    await run.runAll();
    assertConclusions(run, ['success', 'failure', 'success', 'success', 'failure']);
    assert.equal(run.codes.get('shard (2)')?.at(-1), 1);
    await expectRun(world, `gh-${run.id}`, { totals: ONE_FAILED, is: 'red' });

    await world.plan.shard(2, 'pass');
    await run.rerunFailed();
    assertConclusions(run, ALL_GREEN);
    const totals = sum(ONE_FAILED, greenShards(1));
    await expectRun(world, `gh-${run.id}`, { totals, is: 'green', attempt: 2 });
  }),

  scenario(
    'rerun-all',
    're-run all jobs is another attempt at each shard',
    async (world, start) => {
      const run = await start();
      await world.plan.shard(1, 'fail');
      await run.runAll();
      await world.plan.shard(1, 'pass');
      await run.runAll();
      assertConclusions(run, ALL_GREEN);
      const totals = sum(ONE_FAILED, greenShards(SHARDS));
      await expectRun(world, `gh-${run.id}`, { totals, is: 'green', attempt: 2 });
    },
  ),

  scenario('cancelled', 'a cancelled shard has told what it knew', async (world, start) => {
    const run = await start();
    await world.plan.shard(3, 'hang');
    const ended = run.runAll();
    await world.untilRunning('shard (3)');
    await untilOthersEnded(world, ['shard (1)', 'shard (2)', 'shard (4)']);
    await run.cancel();
    await ended;
    assert.equal(run.conclusion('shard (3)'), 'cancelled');
    assert.equal(run.codes.get('shard (3)')?.at(-1), 130);
    assert.equal(run.conclusion('run'), 'failure');
    const { endCause, properties } = await world.place.over(`gh-${run.id}-shard-3`);
    assert.equal(endCause, 'CANCELLED');
    assert.equal(properties?.command?.cancelledBy, 'SIGINT');
    await expectRun(world, `gh-${run.id}`, { totals: ONE_CANCELLED, is: 'red' });
  }),

  scenario(
    'never-starts',
    'a shard that no runner takes is missed, then run',
    async (world, start) => {
      const run = await start();
      run.neverStart.add('shard (4)');
      await run.runAll();
      assertConclusions(run, ['success', 'success', 'success', 'failure', 'failure']);
      await expectRun(world, `gh-${run.id}`, { totals: ONE_MISSING, is: 'red' });

      run.neverStart.clear();
      await run.rerunFailed();
      assertConclusions(run, ALL_GREEN);
      await expectRun(world, `gh-${run.id}`, { totals: GREEN, is: 'green', attempt: 2 });
    },
  ),

  scenario('fork', 'without a token, tests decide, and results are kept', async (world, start) => {
    const run = await start({ name: 'pull_request', isFork: true });
    await world.plan.shard(2, 'fail');
    await run.runAll();
    assertConclusions(run, ['success', 'failure', 'success', 'success', 'skipped']);
    assert.equal(run.codes.get('shard (2)')?.at(-1), 1);
    assert.deepEqual(
      [...run.artifacts.names].sort(),
      [1, 2, 3, 4].map((shard) => `postlude-spool-${shard}`),
    );
    await expectNothing(world, `gh-${run.id}-shard-1`);
    // A maintainer reviews and uploads them.
    await world.place.done('flush', '--spool', run.artifacts.folderOf('postlude-spool-1'));
    await world.place.expect(`gh-${run.id}-shard-1`, greenShards(1));
  }),
];
