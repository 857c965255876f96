import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Scenario } from '../../scenarios/scenario.ts';
import { ciScenarios } from '../ci-scenario.ts';
import {
  expectNothing,
  expectRun,
  GREEN,
  ONE_CANCELLED,
  ONE_FAILED,
  ONE_MISSING,
  untilOthersEnded,
} from '../verdict.ts';
import { type CiWorld, type Conclusion, readRecipe } from '../world.ts';
import { JenkinsBuild } from './build.ts';

const RECIPE = 'examples/ci/jenkins/Jenkinsfile';
const CELLS = ['N=1', 'N=2', 'N=3', 'N=4', 'post'];
const ALL_GREEN = CELLS.map((): Conclusion => 'success');

/** Opens a build of the job, whose number is unique even across scenarios. */
type Start = () => Promise<{ build: JenkinsBuild; run: string }>;

let builds = 0;

const ofJenkins = ciScenarios({ id: 'jenkins', title: 'Jenkins' });

function scenario(
  name: string,
  shows: string,
  tell: (world: CiWorld, start: Start) => Promise<void>,
): Scenario {
  return ofJenkins(name, shows, async (world) => {
    const file = await readRecipe(RECIPE);
    await tell(world, async () => {
      const number = ++builds;
      // The token of the plug-in OpenID Connect Provider; a fork's job gets an empty one.
      const token = await world.authority.token({
        issuer: 'https://jenkins.example.com/oidc',
        audience: 'postlude',
        lifetime: '1h',
        claims: { sub: 'https://jenkins.example.com/job/app/' },
      });
      const credentials = { 'postlude-id-token': name === 'fork' ? '' : token };
      const build = new JenkinsBuild(world, file, { number, credentials });
      return { build, run: `jenkins-app-${number}` };
    });
  });
}

function assertConclusions(build: JenkinsBuild, expected: readonly Conclusion[]): void {
  assert.deepEqual(
    CELLS.map((cell) => build.conclusions.get(cell)),
    expected,
  );
}

export const JENKINS: readonly Scenario[] = [
  scenario('green', 'four cells are recorded, and say where', async (world, start) => {
    const { build, run } = await start();
    await build.run();
    assertConclusions(build, ALL_GREEN);
    await expectRun(world, run, { totals: GREEN, is: 'green' });
    const { tags } = await world.place.status(`${run}-shard-2`);
    const known = Object.fromEntries(tags.map(({ key, value }) => [key, value]));
    assert.match(
      known['ci/pipeline_url'] ?? '',
      /^https:\/\/jenkins\.example\.com\/job\/app\/\d+\/$/,
    );
    assert.equal(known['ci/branch'], 'main');
  }),

  scenario('rebuild', 'the build after a red one is a run of its own', async (world, start) => {
    const red = await start();
    await world.plan.shard(2, 'fail');
    await red.build.run();
    assertConclusions(red.build, ['success', 'failure', 'success', 'success', 'failure']);
    assert.equal(red.build.codes.get('N=2'), 1);
    await expectRun(world, red.run, { totals: ONE_FAILED, is: 'red' });

    // The workspaces still hold the reports of the previous build.
    await world.plan.shard(2, 'pass');
    const green = await start();
    await green.build.run();
    assertConclusions(green.build, ALL_GREEN);
    await expectRun(world, green.run, { totals: GREEN, is: 'green' });
  }),

  scenario('aborted', 'an aborted build ends, and tells', async (world, start) => {
    const { build, run } = await start();
    await world.plan.shard(3, 'hang');
    const ended = build.run();
    await world.untilRunning('N=3');
    await untilOthersEnded(world, ['N=1', 'N=2', 'N=4']);
    build.abort();
    await ended;
    assert.equal(build.conclusions.get('N=3'), 'cancelled');
    assert.equal(build.conclusions.get('post'), 'failure');
    assert.equal((await world.place.over(`${run}-shard-3`)).endCause, 'CANCELLED');
    await expectRun(world, run, { totals: ONE_CANCELLED, is: 'red' });
  }),

  scenario('never-starts', 'a shard whose installation fails is missed', async (world, start) => {
    const { build, run } = await start();
    await world.plan.installFails('N=4');
    await build.run();
    assertConclusions(build, ['success', 'success', 'success', 'failure', 'failure']);
    await expectRun(world, run, { totals: ONE_MISSING, is: 'red' });
  }),

  scenario('fork', 'without a token, tests decide, and results are kept', async (world, start) => {
    const { build, run } = await start();
    await world.plan.shard(2, 'fail');
    await build.run();
    assertConclusions(build, ['success', 'failure', 'success', 'success', 'success']);
    assert.equal(build.codes.get('N=2'), 1);
    const spool = join(world.place.folder, 'workspaces/N=1/.postlude/spool');
    assert.equal(readdirSync(spool).length, 1);
    await expectNothing(world, `${run}-shard-1`);
  }),
];
