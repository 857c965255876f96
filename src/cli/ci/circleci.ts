/** https://circleci.com/docs/reference/variables/#built-in-environment-variables */
import type { ReadContext } from './context.ts';

const WORKFLOWS = 'https://app.circleci.com/pipelines/workflows';

export const readCircleCi: ReadContext = (env) => {
  if (env.CIRCLECI !== 'true') return undefined;
  const { CIRCLE_PROJECT_REPONAME: name, CIRCLE_PROJECT_USERNAME: owner } = env;
  const { CIRCLE_PULL_REQUEST: page, CIRCLE_WORKFLOW_ID: workflow } = env;
  return {
    system: 'circleci',
    repository: owner && name ? `${owner}/${name}` : undefined,
    branch: env.CIRCLE_BRANCH,
    gitTag: env.CIRCLE_TAG,
    commit: env.CIRCLE_SHA1,
    // CircleCI sets the number for forks only.
    pullRequest: env.CIRCLE_PR_NUMBER || /\/(\d+)$/.exec(page ?? '')?.[1],
    pipelineUrl: workflow ? `${WORKFLOWS}/${workflow}` : undefined,
    job: env.CIRCLE_JOB,
    jobUrl: env.CIRCLE_BUILD_URL,
  };
};
