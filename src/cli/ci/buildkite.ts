/** https://buildkite.com/docs/pipelines/configure/environment-variables */
import { positive, type ReadContext } from './context.ts';

export const readBuildkite: ReadContext = (env) => {
  if (env.BUILDKITE !== 'true') return undefined;
  const { BUILDKITE_BUILD_URL: build, BUILDKITE_JOB_ID: job } = env;
  const { BUILDKITE_ORGANIZATION_SLUG: organization, BUILDKITE_PIPELINE_SLUG: pipeline } = env;
  const { BUILDKITE_COMMIT: commit = '', BUILDKITE_PULL_REQUEST: pullRequest } = env;
  return {
    system: 'buildkite',
    // BUILDKITE_REPO may hold a password.
    repository: organization && pipeline ? `${organization}/${pipeline}` : undefined,
    branch: env.BUILDKITE_TAG ? undefined : env.BUILDKITE_BRANCH,
    gitTag: env.BUILDKITE_TAG,
    // A build that is started by hand may have the commit HEAD.
    commit: /^[0-9a-f]{7,}$/.test(commit) ? commit : undefined,
    base: env.BUILDKITE_PULL_REQUEST_BASE_BRANCH,
    pullRequest: pullRequest === 'false' ? undefined : pullRequest,
    pipelineUrl: build,
    job: env.BUILDKITE_STEP_KEY || env.BUILDKITE_LABEL,
    jobUrl: build && job ? `${build}#${job}` : undefined,
    attempt: positive(env.BUILDKITE_RETRY_COUNT, 1),
  };
};
