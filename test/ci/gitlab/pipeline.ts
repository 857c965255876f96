/**
 * Simulates a pipeline of GitLab CI: stages, rules, `parallel`, ID tokens, artifacts, cancellation, the
 * retry of a job and of a pipeline, and a fork's own pipeline. It covers what the recipe uses, and refuses
 * the rest. Scripts run as the shell executor runs them; the image of a job is ignored.
 */
import { randomInt } from 'node:crypto';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Shell } from '../shell.ts';
import { isDoneWithin } from '../within.ts';
import { type CiWorld, COMMIT, type Machine, type Variables } from '../world.ts';
import { type Job, jobsOf } from './pipeline-file.ts';

export type Status = 'success' | 'failed' | 'canceled' | 'skipped';

/** https://docs.gitlab.com/runner/executors/shell/#terminating-and-killing-processes */
const AFTER_SIGTERM_MS = 10 * 60_000;
const ISSUER = 'https://gitlab.com';

export class GitLabPipeline {
  readonly id = String(randomInt(1e6, 1e9));
  readonly neverStart = new Set<string>();
  /** The exit code of the last job with each name. */
  readonly codes = new Map<string, number>();
  readonly artifacts: string;
  readonly #world: CiWorld;
  readonly #project: string;
  readonly #jobs: readonly Job[];
  readonly #statuses = new Map<string, Status>();
  readonly #running = new Map<string, Shell>();
  #isCanceled = false;
  #jobIds = randomInt(1e6, 1e9);

  constructor(world: CiWorld, file: string, project: string) {
    this.#world = world;
    this.#project = project;
    this.#jobs = jobsOf(file, this.#ofPipeline());
    this.artifacts = join(world.place.folder, 'artifacts');
  }

  get jobs(): readonly string[] {
    return this.#jobs.map(({ name }) => name);
  }

  status(job: string): Status | undefined {
    return this.#statuses.get(job);
  }

  async run(): Promise<void> {
    await this.#runJobs(this.#jobs);
  }

  /**
   * Runs another job with the same name. Later jobs that were skipped are decided again; those that have run
   * are not. https://docs.gitlab.com/ci/jobs/#retry-jobs
   */
  async retryJob(name: string): Promise<void> {
    const again = this.#jobs.filter(
      (job) => job.name === name || this.#statuses.get(job.name) === 'skipped',
    );
    await this.#runJobs(again);
  }

  /** Retries all jobs that failed or were canceled. https://docs.gitlab.com/api/pipelines/#retry-jobs-in-a-pipeline */
  async retry(): Promise<void> {
    await this.#runJobs(this.#jobs.filter(({ name }) => this.#statuses.get(name) !== 'success'));
  }

  /** Stops running jobs; those that have not begun never run. */
  async cancel(): Promise<void> {
    this.#isCanceled = true;
    await Promise.all(
      [...this.#running.values()].map(async (shell) => {
        shell.signalGroup('SIGTERM');
        if (!(await isDoneWithin(shell.ended, AFTER_SIGTERM_MS))) shell.signalGroup('SIGKILL');
      }),
    );
  }

  async #runJobs(jobs: readonly Job[]): Promise<void> {
    this.#isCanceled = false;
    for (const { name } of jobs) this.#statuses.delete(name);
    const ended = new Map<Job, Promise<void>>();
    for (const job of jobs.toSorted((a, b) => a.stage - b.stage)) {
      const before = [...ended].filter(([other]) => other.stage < job.stage && !job.startsAtOnce);
      const start = Promise.all(before.map(([, each]) => each));
      ended.set(
        job,
        start.then(async () => void this.#statuses.set(job.name, await this.#decide(job))),
      );
    }
    await Promise.all(ended.values());
  }

  async #decide(job: Job): Promise<Status> {
    if (this.#isCanceled) return 'canceled';
    const earlier = job.startsAtOnce ? [] : this.#jobs.filter(({ stage }) => stage < job.stage);
    const isStopped = earlier.some(
      ({ allowFailure, name }) => this.#statuses.get(name) !== 'success' && !allowFailure,
    );
    if (isStopped && job.when !== 'always') return 'skipped';
    // If no runner takes the job, it fails as stuck.
    if (this.neverStart.has(job.name)) return 'failed';
    return await this.#runJob(job, earlier);
  }

  async #runJob(job: Job, earlier: readonly Job[]): Promise<Status> {
    const machine = await this.#world.machine(job.name);
    // https://docs.gitlab.com/ci/jobs/job_artifacts/: by default, those of all earlier stages.
    for (const { name } of earlier) await this.#download(name, machine.cwd);
    const variables = { ...job.variables, ...this.#ofJob(job), ...(await this.#tokens(job)) };
    const shell = machine.start(['bash', await writeScript(machine, job.script)], variables);
    this.#running.set(job.name, shell);
    const code = await shell.ended;
    this.#running.delete(job.name);
    this.codes.set(job.name, code);
    for (const path of job.artifacts) await this.#upload(job.name, machine.cwd, path);
    await machine.close();
    if (this.#isCanceled) return 'canceled';
    return code === 0 ? 'success' : 'failed';
  }

  async #upload(job: string, cwd: string, path: string): Promise<void> {
    const to = join(this.#artifactsOf(job), path);
    // A missing file is only a warning.
    await cp(join(cwd, path), to, { recursive: true }).catch(() => undefined);
  }

  async #download(job: string, cwd: string): Promise<void> {
    await mkdir(this.#artifactsOf(job), { recursive: true });
    await cp(this.#artifactsOf(job), cwd, { recursive: true });
  }

  #artifactsOf(job: string): string {
    return join(this.artifacts, job.replaceAll(/\W/g, '-'));
  }

  /** https://docs.gitlab.com/ci/secrets/id_token_authentication/ */
  async #tokens({ idTokens }: Job): Promise<Variables> {
    const claims = { project_path: this.#project };
    const tokens: Record<string, string> = {};
    for (const [name, audience] of Object.entries(idTokens)) {
      const options = { issuer: ISSUER, audience, claims, lifetime: '1h' };
      tokens[name] = await this.#world.authority.token(options);
    }
    return tokens;
  }

  /** https://docs.gitlab.com/ci/variables/predefined_variables/ */
  #ofPipeline(): Variables {
    return {
      CI: 'true',
      GITLAB_CI: 'true',
      CI_PIPELINE_ID: this.id,
      CI_PROJECT_PATH: this.#project,
      CI_COMMIT_SHA: COMMIT,
      CI_COMMIT_BRANCH: 'main',
      CI_PIPELINE_URL: `${ISSUER}/${this.#project}/-/pipelines/${this.id}`,
    };
  }

  #ofJob({ name }: Job): Variables {
    const id = String(++this.#jobIds);
    return {
      CI_JOB_ID: id,
      CI_JOB_NAME: name,
      CI_JOB_URL: `${ISSUER}/${this.#project}/-/jobs/${id}`,
    };
  }
}

/** Builds the script as the runner does: the lines of the job are evaluated in a shell of their own. */
async function writeScript({ folder }: Machine, lines: readonly string[]): Promise<string> {
  const inner = join(folder, 'lines.sh');
  await writeFile(inner, lines.join('\n'));
  const script = join(folder, 'script.sh');
  const begin = 'set -o pipefail\nset -o errexit\nset +o noclobber\n';
  await writeFile(script, `${begin}: | eval "$(cat '${inner}')"\nexit 0\n`);
  return script;
}
