/**
 * Simulates a build of Buildkite: parallel jobs, wait steps, artifacts, cancellation, manual retries, and
 * an agent that gives no token to a fork. It covers what the recipe uses, and refuses the rest. Jobs that
 * come after a retried job and have already run are not run again; retry them as well if they should be.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Shell } from '../shell.ts';
import { isDoneWithin } from '../within.ts';
import { type CiWorld, COMMIT, type Machine, type Variables } from '../world.ts';
import { type CommandStep, type PipelineFile, parsePipeline } from './pipeline-file.ts';

export type State = 'passed' | 'soft_failed' | 'failed' | 'canceled';

/** https://buildkite.com/docs/agent/lifecycle#signal-handling */
const AFTER_SIGTERM_MS = 10_000;

interface Job {
  readonly name: string;
  readonly step: CommandStep;
  readonly index: number;
}

export class BuildkiteBuild {
  readonly id = randomUUID();
  readonly number = String(randomInt(1, 1e6));
  readonly neverStart = new Set<string>();
  readonly artifacts: string;
  /** The exit code of the last job with each name. */
  readonly codes = new Map<string, number>();
  readonly #world: CiWorld;
  readonly #file: PipelineFile;
  readonly #isFork: boolean;
  readonly #states = new Map<string, State>();
  readonly #retries = new Map<string, number>();
  readonly #running = new Set<Shell>();
  #isCanceled = false;

  constructor(world: CiWorld, file: string, isFork: boolean) {
    this.#world = world;
    this.#file = parsePipeline(file, isFork);
    this.#isFork = isFork;
    this.artifacts = join(world.place.folder, 'artifacts');
  }

  /** `undefined` if the job was not run. */
  state(job: string): State | undefined {
    return this.#states.get(job);
  }

  /** https://buildkite.com/docs/pipelines/configure/step-types/wait-step */
  async run(): Promise<void> {
    await mkdir(this.artifacts, { recursive: true });
    let begun: Promise<void>[] = [];
    for (const step of this.#file.steps) {
      if (step.kind === 'command') {
        begun.push(...jobsOf(step).map((job) => this.#runJob(job)));
        continue;
      }
      await Promise.all(begun);
      begun = [];
      const hasFailed = [...this.#states.values()].includes('failed');
      // "… enables builds to continue after a failed job but not after a cancelation."
      if (this.#isCanceled || (hasFailed && !step.continuesOnFailure)) return;
    }
    await Promise.all(begun);
  }

  /** Runs a new job of the same step. https://buildkite.com/docs/pipelines/configure/retry */
  async retry(name: string): Promise<void> {
    const steps = this.#file.steps.filter((step) => step.kind === 'command');
    const job = steps.flatMap(jobsOf).find((each) => each.name === name);
    if (job === undefined) throw new Error(`there is no job ${name}`);
    this.#retries.set(name, this.#retriesOf(name) + 1);
    await this.#runJob(job);
  }

  async cancel(): Promise<void> {
    this.#isCanceled = true;
    await Promise.all(
      [...this.#running].map(async (shell) => {
        shell.signalGroup('SIGTERM');
        if (!(await isDoneWithin(shell.ended, AFTER_SIGTERM_MS))) shell.signalTree('SIGKILL');
      }),
    );
  }

  #retriesOf(job: string): number {
    return this.#retries.get(job) ?? 0;
  }

  async #runJob(job: Job): Promise<void> {
    const { name, step } = job;
    // The agent was lost before the job began.
    if (this.neverStart.has(name)) return void this.#states.set(name, 'failed');
    const machine = await this.#world.machine(name);
    await this.#giveToken(machine);
    const argv = ['/bin/bash', '-e', '-c', step.command] as const;
    const shell = machine.start([...argv], { ...this.#variables(job), ...this.#file.env });
    this.#running.add(shell);
    const code = await shell.ended;
    this.#running.delete(shell);
    this.codes.set(name, code);
    if (step.artifacts) await this.#keep(join(machine.cwd, step.artifacts));
    await machine.close();
    const failed = step.softFail ? 'soft_failed' : 'failed';
    this.#states.set(name, this.#isCanceled ? 'canceled' : code === 0 ? 'passed' : failed);
  }

  async #keep(folder: string): Promise<void> {
    await cp(folder, this.artifacts, { recursive: true }).catch(() => undefined);
  }

  /** Returns what `buildkite-agent oidc request-token` will print: https://buildkite.com/docs/pipelines/security/oidc */
  async #giveToken({ folder }: Machine): Promise<void> {
    if (this.#isFork) return;
    const token = await this.#world.authority.token({
      issuer: 'https://agent.buildkite.com',
      audience: 'postlude',
      lifetime: '5m',
      claims: { organization_slug: 'example', pipeline_slug: 'app' },
    });
    await writeFile(join(folder, 'oidc-token'), token);
  }

  /** https://buildkite.com/docs/pipelines/configure/environment-variables */
  #variables({ index, name, step }: Job): Variables {
    const parallel = { BUILDKITE_PARALLEL_JOB: `${index}` };
    return {
      CI: 'true',
      BUILDKITE: 'true',
      BUILDKITE_BUILD_ID: this.id,
      BUILDKITE_BUILD_NUMBER: this.number,
      BUILDKITE_JOB_ID: randomUUID(),
      BUILDKITE_BUILD_URL: `https://buildkite.com/example/app/builds/${this.number}`,
      BUILDKITE_ORGANIZATION_SLUG: 'example',
      BUILDKITE_PIPELINE_SLUG: 'app',
      BUILDKITE_BRANCH: 'main',
      BUILDKITE_COMMIT: COMMIT,
      BUILDKITE_TAG: '',
      BUILDKITE_PULL_REQUEST: this.#isFork ? '5' : 'false',
      BUILDKITE_RETRY_COUNT: String(this.#retriesOf(name)),
      BUILDKITE_STEP_KEY: step.key,
      BUILDKITE_LABEL: name,
      ...(step.parallelism === 1 ? {} : parallel),
    };
  }
}

function jobsOf(step: CommandStep): Job[] {
  if (step.parallelism === 1) return [{ name: step.key, step, index: 0 }];
  return Array.from({ length: step.parallelism }, (_, index) => ({
    name: `${step.key} ${index + 1}`,
    step,
    index,
  }));
}
