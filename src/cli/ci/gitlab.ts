/** https://docs.gitlab.com/ci/variables/predefined_variables/ */
import type { ReadContext } from './context.ts';

export const readGitLab: ReadContext = (env) => {
  if (env.GITLAB_CI !== 'true') return undefined;
  return {
    system: 'gitlab',
    repository: env.CI_PROJECT_PATH,
    branch:
      env.CI_MERGE_REQUEST_SOURCE_BRANCH_NAME ||
      env.CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME ||
      env.CI_COMMIT_BRANCH,
    gitTag: env.CI_COMMIT_TAG,
    commit: env.CI_COMMIT_SHA,
    base:
      env.CI_MERGE_REQUEST_TARGET_BRANCH_NAME || env.CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME,
    pullRequest: env.CI_MERGE_REQUEST_IID || env.CI_EXTERNAL_PULL_REQUEST_IID,
    pipelineUrl: env.CI_PIPELINE_URL,
    job: env.CI_JOB_NAME,
    // A retried job has another number, and therefore another page.
    jobUrl: env.CI_JOB_URL,
  };
};
