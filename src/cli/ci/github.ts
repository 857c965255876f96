/** https://docs.github.com/en/actions/reference/workflows-and-actions/variables */
import { positive, type ReadContext } from './context.ts';

export const readGitHub: ReadContext = (env) => {
  if (env.GITHUB_ACTIONS !== 'true') return undefined;
  const { GITHUB_REF_NAME: name, GITHUB_REF_TYPE: type, GITHUB_RUN_ATTEMPT: attempt } = env;
  const pullRequest = /^refs\/pull\/(\d+)\//.exec(env.GITHUB_REF ?? '')?.[1];
  const run = runUrl(env);
  return {
    system: 'github',
    repository: env.GITHUB_REPOSITORY,
    // The name of a pull request's ref is 5/merge.
    branch: env.GITHUB_HEAD_REF || (type === 'branch' && !pullRequest ? name : undefined),
    gitTag: type === 'tag' ? name : undefined,
    commit: env.GITHUB_SHA,
    base: env.GITHUB_BASE_REF,
    pullRequest,
    pipelineUrl: run,
    job: env.GITHUB_JOB,
    // GitHub does not give a job its own number, so this is the page of the run's attempt.
    jobUrl: run && attempt ? `${run}/attempts/${attempt}` : undefined,
    attempt: positive(attempt),
  };
};

function runUrl(env: Parameters<ReadContext>[0]): string | undefined {
  const { GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: id, GITHUB_SERVER_URL: server } = env;
  return server && repository && id ? `${server}/${repository}/actions/runs/${id}` : undefined;
}
