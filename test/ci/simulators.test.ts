/** Checks that the simulators refuse what they do not know, so that no recipe passes because something was ignored. */
import { describe, expect, test } from 'vitest';
import { parsePipeline } from './buildkite/pipeline-file.ts';
import { parseConfig } from './circleci/config.ts';
import { evaluate, substitute } from './github/expressions.ts';
import { isWanted } from './github/job-run.ts';
import { parseAction, parseWorkflow } from './github/workflow.ts';
import { jobsOf } from './gitlab/pipeline-file.ts';
import { parseJenkinsfile } from './jenkins/jenkinsfile.ts';
import { readRecipe } from './world.ts';

async function changed(path: string, from: string, to: string): Promise<string> {
  const recipe = await readRecipe(path);
  expect(recipe).toContain(from);
  return recipe.replace(from, to);
}

describe('expressions of GitHub', () => {
  const names = { github: { run_id: '7', event: {} }, matrix: { n: 2 } };

  test.each([
    ["github.run_id == '7' && matrix.n != 3", true],
    ['!github.event.pull_request.head.repo.fork', true],
    ["matrix.n == '2'", true],
    ["github.event.x || 'none'", 'none'],
    ['!(matrix.n == 2)', false],
  ])('%s is %s', (text, value) => {
    expect(evaluate(text, names)).toBe(value);
  });

  test.each(['secrets.X', 'contains(github.run_id)', 'matrix.n +', 'matrix.n ==', "github['x']"])(
    '%s is not understood',
    (text) => {
      expect(() => evaluate(text, names)).toThrow();
    },
  );

  test('are substituted, and require success unless they ask for a status', () => {
    expect(substitute(`gh-\${{ github.run_id }}/\${{ github.event.x }}`, names)).toBe('gh-7/');
    const red = { isCancelled: false, isSuccess: false, isFailure: true };
    expect(isWanted(undefined, names, red)).toBe(false);
    expect(isWanted('matrix.n == 2', names, red)).toBe(false);
    expect(isWanted(`\${{ always() && matrix.n == 2 }}`, names, red)).toBe(true);
  });
});

describe('a recipe that uses what a simulator does not know', () => {
  test('is refused in a workflow of GitHub, and in an action', async () => {
    const path = 'examples/ci/github-actions/tests.yml';
    const timeout = await changed(path, 'needs: shard', 'needs: shard\n    timeout-minutes: 5');
    expect(() => parseWorkflow(timeout)).toThrow('jobs.run.timeout-minutes');
    const shell = await changed(
      'actions/record/action.yml',
      '    - shell: bash\n',
      '    - name: x\n',
    );
    expect(() => parseAction(shell)).toThrow('must name its shell');
  });

  test('is refused in a pipeline of GitLab', async () => {
    const path = 'examples/ci/gitlab/.gitlab-ci.yml';
    const known = { CI_PIPELINE_ID: '7', CI_PROJECT_PATH: 'example/app' };
    expect(jobsOf(await readRecipe(path), known)).toHaveLength(6);
    const rule = await changed(path, '$CI_PROJECT_PATH == ', '$CI_PROJECT_PATH =~ ');
    expect(() => jobsOf(rule, known)).toThrow('the rule');
    expect(() => jobsOf('variables: { A: $B }\ndefault: {}', {})).toThrow('$B');
  });

  test('is refused in a pipeline of Buildkite', async () => {
    const path = 'examples/ci/buildkite/pipeline.yml';
    const variable = await changed(path, '$$BUILDKITE_BUILD_ID', '$BUILDKITE_BUILD_ID');
    expect(() => parsePipeline(variable, false)).toThrow('$BUILDKITE_BUILD_ID');
    const retry = await changed(path, 'key: shard', 'retry: {}\n    key: shard');
    expect(() => parsePipeline(retry, false)).toThrow('steps.retry');
  });

  test('is refused in a configuration of CircleCI', async () => {
    const path = 'examples/ci/circleci/config.yml';
    const requires = await changed(path, 'shard: terminal', 'shard: failed');
    expect(() => parseConfig(requires)).toThrow('requires shard: failed');
    const step = await changed(path, '- checkout', '- save_cache: { key: x }');
    expect(() => parseConfig(step)).toThrow('save_cache');
  });

  test.each([
    ["'ci:main'", 'realmOf(env)'],
    ["sh 'npm ci'", 'def x = 1'],
    ['agent none', 'agent none + 1'],
    [String.raw`-- \ `.trim(), String.raw`-- \n`],
  ])('is refused in a Jenkinsfile with another %s', async (from, to) => {
    const file = await changed('examples/ci/jenkins/Jenkinsfile', from, to);
    expect(() => parseJenkinsfile(file)).toThrow('the simulator does not know');
  });
});
