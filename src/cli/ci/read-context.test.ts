import { describe, expect, test } from 'vitest';
import type { Environment } from './context.ts';
import { CONTEXT_TAGS, contextTags, readContext } from './read-context.ts';

const SHA = 'ffac537e6cbbf934b08745a378932722df287a53';

const GITHUB = {
  GITHUB_ACTIONS: 'true',
  GITHUB_REPOSITORY: 'example/app',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_RUN_ID: '1658821493',
  GITHUB_RUN_ATTEMPT: '3',
  GITHUB_JOB: 'shard',
  GITHUB_SHA: SHA,
  GITHUB_REF: 'refs/heads/main',
  GITHUB_REF_NAME: 'main',
  GITHUB_REF_TYPE: 'branch',
  // These are set but empty unless a pull request is built.
  GITHUB_HEAD_REF: '',
  GITHUB_BASE_REF: '',
};
const ON_GITHUB = {
  system: 'github',
  repository: 'example/app',
  branch: 'main',
  commit: SHA,
  pipelineUrl: 'https://github.com/example/app/actions/runs/1658821493',
  job: 'shard',
  jobUrl: 'https://github.com/example/app/actions/runs/1658821493/attempts/3',
  attempt: 3,
};
const GITLAB = {
  GITLAB_CI: 'true',
  CI_PROJECT_PATH: 'example/app',
  CI_COMMIT_SHA: SHA,
  CI_PIPELINE_URL: 'https://gitlab.com/example/app/-/pipelines/42',
  CI_JOB_NAME: 'shard 1/4',
  CI_JOB_URL: 'https://gitlab.com/example/app/-/jobs/7',
};
const ON_GITLAB = {
  system: 'gitlab',
  repository: 'example/app',
  commit: SHA,
  pipelineUrl: 'https://gitlab.com/example/app/-/pipelines/42',
  job: 'shard 1/4',
  jobUrl: 'https://gitlab.com/example/app/-/jobs/7',
};
const BUILDKITE = {
  BUILDKITE: 'true',
  BUILDKITE_ORGANIZATION_SLUG: 'acme',
  BUILDKITE_PIPELINE_SLUG: 'app',
  BUILDKITE_REPO: 'https://user:secret@git.example.com/app.git',
  BUILDKITE_BRANCH: 'main',
  BUILDKITE_TAG: '',
  BUILDKITE_COMMIT: SHA,
  BUILDKITE_BUILD_URL: 'https://buildkite.com/acme/app/builds/15',
  BUILDKITE_JOB_ID: 'e44f',
  BUILDKITE_PULL_REQUEST: 'false',
  BUILDKITE_PULL_REQUEST_BASE_BRANCH: '',
  BUILDKITE_STEP_KEY: 'shard',
  BUILDKITE_LABEL: 'shard 1',
  BUILDKITE_RETRY_COUNT: '0',
};
const ON_BUILDKITE = {
  system: 'buildkite',
  repository: 'acme/app',
  branch: 'main',
  commit: SHA,
  pipelineUrl: 'https://buildkite.com/acme/app/builds/15',
  job: 'shard',
  attempt: 1,
  jobUrl: 'https://buildkite.com/acme/app/builds/15#e44f',
};
const JENKINS = {
  JENKINS_URL: 'https://ci.example.com/',
  BUILD_URL: 'https://ci.example.com/job/app/7/',
  JOB_NAME: 'app/main',
  BRANCH_NAME: 'main',
  GIT_COMMIT: SHA,
  GIT_BRANCH: 'origin/main',
};
const ON_JENKINS = {
  system: 'jenkins',
  branch: 'main',
  commit: SHA,
  job: 'app/main',
  pipelineUrl: 'https://ci.example.com/job/app/7/',
};
const CIRCLECI = {
  CIRCLECI: 'true',
  CIRCLE_PROJECT_USERNAME: 'example',
  CIRCLE_PROJECT_REPONAME: 'app',
  CIRCLE_BRANCH: 'main',
  CIRCLE_SHA1: SHA,
  CIRCLE_WORKFLOW_ID: '5034460f',
  CIRCLE_JOB: 'shard',
  CIRCLE_BUILD_URL: 'https://circleci.com/gh/example/app/170',
};
const ON_CIRCLECI = {
  system: 'circleci',
  repository: 'example/app',
  branch: 'main',
  commit: SHA,
  job: 'shard',
  pipelineUrl: 'https://app.circleci.com/pipelines/workflows/5034460f',
  jobUrl: 'https://circleci.com/gh/example/app/170',
};

/** Returns the known facts; an empty text is not a fact. */
function known(env: Environment): Record<string, unknown> {
  const fields = Object.entries(readContext(env) ?? {});
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined && value !== ''));
}

describe('a job for a branch, a pull request and a tag', () => {
  test('on GitHub', () => {
    expect(known(GITHUB)).toEqual(ON_GITHUB);
    const ofRequest = {
      GITHUB_REF: 'refs/pull/5/merge',
      GITHUB_REF_NAME: '5/merge',
      GITHUB_HEAD_REF: 'fix',
      GITHUB_BASE_REF: 'main',
    };
    const request = { branch: 'fix', base: 'main', pullRequest: '5' };
    expect(known({ ...GITHUB, ...ofRequest })).toEqual({ ...ON_GITHUB, ...request });
    const ofTag = { GITHUB_REF: 'refs/tags/v1', GITHUB_REF_NAME: 'v1', GITHUB_REF_TYPE: 'tag' };
    const { branch: _, ...others } = ON_GITHUB;
    expect(known({ ...GITHUB, ...ofTag })).toEqual({ ...others, gitTag: 'v1' });
  });

  test('on GitLab', () => {
    const branch = known({ ...GITLAB, CI_COMMIT_BRANCH: 'main' });
    expect(branch).toEqual({ ...ON_GITLAB, branch: 'main' });
    const ofRequest = {
      CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: 'fix',
      CI_MERGE_REQUEST_IID: '5',
      CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main',
    };
    const request = { branch: 'fix', base: 'main', pullRequest: '5' };
    expect(known({ ...GITLAB, ...ofRequest })).toEqual({ ...ON_GITLAB, ...request });
    expect(known({ ...GITLAB, CI_COMMIT_TAG: 'v1' })).toEqual({ ...ON_GITLAB, gitTag: 'v1' });
  });

  test('on Buildkite', () => {
    expect(known(BUILDKITE)).toEqual(ON_BUILDKITE);
    const ofRequest = {
      BUILDKITE_PULL_REQUEST: '5',
      BUILDKITE_PULL_REQUEST_BASE_BRANCH: 'main',
      BUILDKITE_BRANCH: 'someone:fix',
      BUILDKITE_COMMIT: 'HEAD',
    };
    const { commit: _, ...built } = ON_BUILDKITE;
    const request = { branch: 'someone:fix', base: 'main', pullRequest: '5' };
    expect(known({ ...BUILDKITE, ...ofRequest })).toEqual({ ...built, ...request });
    const { branch: __, ...others } = ON_BUILDKITE;
    const tag = known({ ...BUILDKITE, BUILDKITE_TAG: 'v1', BUILDKITE_RETRY_COUNT: '2' });
    expect(tag).toEqual({ ...others, gitTag: 'v1', attempt: 3 });
  });

  test('on Jenkins', () => {
    expect(known(JENKINS)).toEqual(ON_JENKINS);
    expect(known({ ...JENKINS, BRANCH_NAME: undefined })).toEqual(ON_JENKINS);
    const ofRequest = { BRANCH_NAME: 'PR-5', CHANGE_ID: '5', CHANGE_BRANCH: 'fix' };
    const request = { branch: 'fix', base: 'main', pullRequest: '5' };
    expect(known({ ...JENKINS, ...ofRequest, CHANGE_TARGET: 'main' })).toEqual({
      ...ON_JENKINS,
      ...request,
    });
    const { branch: _, ...others } = ON_JENKINS;
    const tag = known({ ...JENKINS, BRANCH_NAME: 'v1', TAG_NAME: 'v1' });
    expect(tag).toEqual({ ...others, gitTag: 'v1' });
  });

  test('on CircleCI', () => {
    expect(known(CIRCLECI)).toEqual(ON_CIRCLECI);
    const page = { CIRCLE_PULL_REQUEST: 'https://github.com/example/app/pull/5' };
    expect(known({ ...CIRCLECI, ...page })).toEqual({ ...ON_CIRCLECI, pullRequest: '5' });
    const ofFork = { CIRCLE_BRANCH: 'pull/6', CIRCLE_PR_NUMBER: '6' };
    const fork = { branch: 'pull/6', pullRequest: '6' };
    expect(known({ ...CIRCLECI, ...ofFork })).toEqual({ ...ON_CIRCLECI, ...fork });
    const { branch: _, ...others } = ON_CIRCLECI;
    const tag = known({ ...CIRCLECI, CIRCLE_BRANCH: undefined, CIRCLE_TAG: 'v1' });
    expect(tag).toEqual({ ...others, gitTag: 'v1' });
  });

  test('is unknown elsewhere, whatever variables are set there', () => {
    expect(readContext({ GITHUB_SHA: SHA, CI: 'true', BUILD_URL: 'x' })).toBeUndefined();
    expect(contextTags({ CI: 'true' }, [])).toEqual([]);
  });

  test('is recognized by little more than the name of the system', () => {
    const bare = [{ GITHUB_ACTIONS: 'true' }, { GITLAB_CI: 'true' }, { BUILDKITE: 'true' }];
    const systems = [...bare, { CIRCLECI: 'true' }, { JENKINS_URL: 'https://ci.example.com/' }];
    expect(systems.map(known)).toEqual(
      ['github', 'gitlab', 'buildkite', 'circleci', 'jenkins'].map((system) => ({ system })),
    );
  });
});

describe('the tags', () => {
  test('have the keys of the documented scheme, which the server takes', () => {
    const keys = Object.values(CONTEXT_TAGS);
    expect(keys.filter((key) => !/^[a-z][a-z0-9_]*(\/[a-z][a-z0-9_]*)*$/.test(key))).toEqual([]);
    expect(contextTags(BUILDKITE, [])).toEqual([
      { key: 'ci/system', value: 'buildkite' },
      { key: 'ci/repository', value: 'acme/app' },
      { key: 'ci/branch', value: 'main' },
      { key: 'ci/commit', value: SHA },
      { key: 'ci/pipeline_url', value: 'https://buildkite.com/acme/app/builds/15' },
      { key: 'ci/job', value: 'shard' },
      { key: 'ci/job_url', value: 'https://buildkite.com/acme/app/builds/15#e44f' },
      { key: 'ci/attempt', value: '1' },
    ]);
  });

  test('yield to those that the user sets', () => {
    const given = [{ key: 'ci/branch', value: 'mine' }];
    expect(contextTags(CIRCLECI, given).map(({ key }) => key)).not.toContain('ci/branch');
  });

  test('leave out what is too long for the server, and keep what just fits', () => {
    const branchOf = (branch: string) =>
      contextTags({ ...CIRCLECI, CIRCLE_BRANCH: branch }, []).find(
        ({ key }) => key === 'ci/branch',
      );
    expect(branchOf('é'.repeat(128))?.value).toHaveLength(128);
    expect(branchOf(`${'é'.repeat(128)}x`)).toBeUndefined();
  });
});
