/**
 * Simulates a workflow of CircleCI: parallelism, jobs that require others, cancellation, reruns from
 * failed and from start, and a fork without secrets. It covers what the recipe uses, and refuses the rest.
 *
 * CircleCI documents no signal that a cancelled job gets, so this kills all of its processes at once:
 * a recipe that survives this survives every signal.
 */
import { randomUUID } from 'node:crypto';
import type { Shell } from '../shell.ts';
import { type CiWorld, COMMIT, type Variables } from '../world.ts';
import { type Job, parseConfig } from './config.ts';

export type Status = 'success' | 'failed' | 'canceled';

const ORGANIZATION = 'e6ba66b6-4d02-4f2c-9e3b-2c1d5b7a9f10';
const PROJECT = '8c1f4e0a-7f3d-4c55-9d20-6a1b0c9e4d77';

export class CircleCiWorkflow {
  /** The same for all reruns: https://circleci.com/docs/reference/variables/#built-in-environment-variables */
  readonly workspaceId = randomUUID();
  /** Each rerun has another one. */
  id = this.workspaceId;
  /** The exit code of each node's last script, by `shard 0`, … or by the job's name if it is not parallel. */
  readonly codes = new Map<string, number>();
  readonly #world: CiWorld;
  readonly #jobs: readonly Job[];
  readonly #isFork: boolean;
  readonly #statuses = new Map<string, Status>();
  readonly #running = new Set<Shell>();
  #isCanceled = false;
  #builds = 100;

  constructor(world: CiWorld, config: string, isFork: boolean) {
    this.#world = world;
    this.#jobs = parseConfig(config);
    this.#isFork = isFork;
  }

  status(job: string): Status | undefined {
    return this.#statuses.get(job);
  }

  async run(): Promise<void> {
    await this.#runJobs(this.#jobs);
  }

  async rerunFromStart(): Promise<void> {
    this.id = randomUUID();
    await this.#runJobs(this.#jobs);
  }

  /**
   * Runs failed jobs again, with all nodes if they are parallel, and everything that comes after them. Jobs
   * that succeeded are not run again.
   */
  async rerunFromFailed(): Promise<void> {
    this.id = randomUUID();
    const again = new Set<string>();
    for (const { after, name } of this.#jobs) {
      const comesAfter = after.some((other) => again.has(other));
      if (comesAfter || this.#statuses.get(name) !== 'success') again.add(name);
    }
    await this.#runJobs(this.#jobs.filter(({ name }) => again.has(name)));
  }

  async cancel(): Promise<void> {
    this.#isCanceled = true;
    for (const shell of this.#running) shell.signalTree('SIGKILL');
  }

  async #runJobs(jobs: readonly Job[]): Promise<void> {
    this.#isCanceled = false;
    const ended = new Map<string, Promise<void>>();
    for (const job of jobs) {
      const before = Promise.all(job.after.map((name) => ended.get(name)));
      ended.set(
        job.name,
        before.then(() => this.#runJob(job)),
      );
    }
    await Promise.all(ended.values());
  }

  async #runJob(job: Job): Promise<void> {
    const build = String(++this.#builds);
    const indexes = Array.from({ length: job.parallelism }, (_, index) => index);
    const codes = this.#isCanceled
      ? []
      : await Promise.all(indexes.map((index) => this.#runNode(job, index, build)));
    const isGreen = codes.every((code) => code === 0);
    this.#statuses.set(job.name, this.#isCanceled ? 'canceled' : isGreen ? 'success' : 'failed');
  }

  /** Runs the steps of a node. A step that fails is the last one. */
  async #runNode(job: Job, index: number, build: string): Promise<number> {
    const name = job.parallelism === 1 ? job.name : `${job.name} ${index}`;
    const machine = await this.#world.machine(name);
    const variables = { ...job.environment, ...(await this.#variables(job, index, build)) };
    let code = 0;
    for (const script of job.scripts) {
      if (code !== 0 || this.#isCanceled) break;
      const shell = machine.start(['/bin/bash', '-eo', 'pipefail', '-c', script], variables);
      this.#running.add(shell);
      code = await shell.ended;
      this.#running.delete(shell);
    }
    this.codes.set(name, code);
    await machine.close();
    return code;
  }

  async #variables(job: Job, index: number, build: string): Promise<Variables> {
    return {
      CI: 'true',
      CIRCLECI: 'true',
      CIRCLE_JOB: job.name,
      CIRCLE_BUILD_NUM: build,
      CIRCLE_BRANCH: this.#isFork ? 'pull/5' : 'main',
      CIRCLE_SHA1: COMMIT,
      CIRCLE_PROJECT_USERNAME: 'example',
      CIRCLE_PROJECT_REPONAME: 'app',
      CIRCLE_BUILD_URL: `https://circleci.com/gh/example/app/${build}`,
      CIRCLE_WORKFLOW_ID: this.id,
      CIRCLE_WORKFLOW_WORKSPACE_ID: this.workspaceId,
      CIRCLE_NODE_INDEX: String(index),
      CIRCLE_NODE_TOTAL: String(job.parallelism),
      ...(this.#isFork ? { CIRCLE_PR_NUMBER: '5' } : { CIRCLE_OIDC_TOKEN_V2: await this.#token() }),
    };
  }

  /** https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/ */
  async #token(): Promise<string> {
    return await this.#world.authority.token({
      issuer: `https://oidc.circleci.com/org/${ORGANIZATION}`,
      audience: ORGANIZATION,
      lifetime: '1h',
      claims: { 'oidc.circleci.com/project-id': PROJECT },
    });
  }
}
