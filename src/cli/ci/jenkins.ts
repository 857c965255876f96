/**
 * https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables, and the branch
 * variables of multibranch pipelines. Jenkins has no page for a stage, and no attempt numbers: a repeated
 * build is another build.
 */
import type { ReadContext } from './context.ts';

export const readJenkins: ReadContext = (env) => {
  if (!env.JENKINS_URL) return undefined;
  // For a pull request, BRANCH_NAME is PR-5; for a tag, it is the tag.
  const isBranch = !env.CHANGE_ID && !env.TAG_NAME;
  const checkedOut = env.GIT_BRANCH?.replace(/^origin\//, '');
  return {
    system: 'jenkins',
    branch: env.CHANGE_BRANCH || (isBranch ? env.BRANCH_NAME || checkedOut : undefined),
    gitTag: env.TAG_NAME,
    commit: env.GIT_COMMIT,
    base: env.CHANGE_TARGET,
    pullRequest: env.CHANGE_ID,
    pipelineUrl: env.BUILD_URL,
    job: env.JOB_NAME,
  };
};
