/**
 * Simulates a workflow run of GitHub Actions: attempts, matrices, `needs`, conditions, cancellation,
 * re-runs of all and of failed jobs, and forks without a token. It covers what the recipes use, and refuses
 * the rest. Machines are folders, and all jobs of a matrix run at once. Each rule names its source.
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { type CiWorld, COMMIT, type Conclusion, type Variables } from '../world.ts';
import { Artifacts } from './artifacts.ts';
import type { Context } from './expressions.ts';
import { isWanted, JobRun } from './job-run.ts';
import { type Job, parseWorkflow, type Workflow } from './workflow.ts';

export interface GitHubEvent {
  readonly name: 'push' | 'pull_request';
  readonly isFork?: boolean;
}

type Cell = Job['matrix'][number];

export class GitHubRun {
  /** The same in all attempts: …/workflows-and-actions/variables, GITHUB_RUN_ID. */
  readonly id = String(randomInt(1e9, 1e12));
  /** The jobs that no runner takes. */
  readonly neverStart = new Set<string>();
  readonly artifacts: Artifacts;
  /** The exit codes of a job's scripts, in its last attempt. */
  readonly codes = new Map<string, readonly number[]>();
  readonly #world: CiWorld;
  readonly #workflow: Workflow;
  readonly #event: GitHubEvent;
  readonly #conclusions = new Map<string, Conclusion>();
  readonly #running = new Set<JobRun>();
  #attempt = 0;
  #isCancelled = false;

  constructor(world: CiWorld, workflow: string, event: GitHubEvent) {
    this.#world = world;
    this.#workflow = parseWorkflow(workflow);
    this.#event = event;
    this.artifacts = new Artifacts(join(world.place.folder, 'artifacts'));
    if (!this.#workflow.events.includes(event.name)) throw new Error('that starts no run');
  }

  conclusion(job: string): Conclusion | undefined {
    return this.#conclusions.get(job);
  }

  /** Runs the first attempt, or does what "Re-run all jobs" does. */
  async runAll(): Promise<void> {
    await this.#runAttempt(this.#workflow.jobs.flatMap(namesOf));
  }

  /**
   * Does what "Re-run failed jobs" does: runs the failed and cancelled jobs, and those that depend on them. The others keep
   * their conclusions. https://docs.github.com/en/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs
   */
  async rerunFailed(): Promise<void> {
    const names: string[] = [];
    const again = new Set<string>();
    for (const job of this.#workflow.jobs) {
      const depends = job.needs.some((need) => again.has(need));
      const chosen = namesOf(job).filter(
        (name) => depends || ['failure', 'cancelled'].includes(this.#conclusions.get(name) ?? ''),
      );
      if (chosen.length > 0) again.add(job.key);
      names.push(...chosen);
    }
    await this.#runAttempt(names);
  }

  /** Does what "Cancel workflow" does. */
  async cancel(): Promise<void> {
    this.#isCancelled = true;
    await Promise.all([...this.#running].map((job) => job.cancel()));
  }

  async #runAttempt(names: readonly string[]): Promise<void> {
    this.#attempt += 1;
    this.#isCancelled = false;
    const ended = new Map<string, Promise<unknown>>();
    for (const job of this.#workflow.jobs) {
      const before = job.needs.map((need) => ended.get(need));
      ended.set(
        job.key,
        Promise.all(before).then(() => this.#runJob(job, names)),
      );
    }
    await Promise.all(ended.values());
  }

  async #runJob(job: Job, names: readonly string[]): Promise<void> {
    const cells = job.matrix.filter((cell) => names.includes(nameOf(job, cell)));
    const needs = job.needs.flatMap((need) =>
      this.#workflow.jobs.filter(({ key }) => key === need).flatMap(namesOf),
    );
    const ofNeeds = needs.map((name) => this.#conclusions.get(name));
    const wanted = isWanted(job.if, this.#contexts(job, {}), {
      isCancelled: this.#isCancelled,
      isSuccess: ofNeeds.every((conclusion) => conclusion === 'success'),
      isFailure: ofNeeds.includes('failure'),
    });
    await Promise.all(
      cells.map(async (cell) => {
        const name = nameOf(job, cell);
        const ended = wanted ? await this.#runCell(job, cell, name) : undefined;
        this.#conclusions.set(name, ended ?? (this.#isCancelled ? 'cancelled' : 'skipped'));
      }),
    );
  }

  async #runCell(job: Job, cell: Cell, name: string): Promise<Conclusion> {
    if (job.failFast && job.matrix.length > 1) throw new Error('fail-fast is not simulated');
    if (this.neverStart.has(name)) return 'failure';
    const machine = await this.#world.machine(name);
    const run = new JobRun({
      machine,
      artifacts: this.artifacts,
      env: this.#workflow.env,
      contexts: this.#contexts(job, cell),
      variables: this.#variables(job),
      // A job that runs always is not cancelled.
      isCancelled: () => this.#isCancelled && !/\balways\(\)/.test(job.if ?? ''),
    });
    this.#running.add(run);
    try {
      return await run.run(job.steps);
    } finally {
      this.codes.set(name, run.codes);
      this.#running.delete(run);
      await machine.close();
    }
  }

  #contexts(job: Job, cell: Cell): Context {
    const pull = { head: { repo: { fork: this.#event.isFork ?? false } } };
    const event = this.#event.name === 'pull_request' ? { pull_request: pull } : {};
    return {
      github: { run_id: this.id, event, job: job.key },
      ...(Object.keys(cell).length === 0 ? {} : { matrix: cell }),
    };
  }

  /** https://docs.github.com/en/actions/reference/workflows-and-actions/variables */
  #variables(job: Job): Variables {
    const isPull = this.#event.name === 'pull_request';
    const ref = isPull
      ? { ref: 'refs/pull/5/merge', name: '5/merge', head: 'fix', base: 'main' }
      : { ref: 'refs/heads/main', name: 'main', head: '', base: '' };
    return {
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_JOB: job.key,
      GITHUB_RUN_ID: this.id,
      GITHUB_RUN_ATTEMPT: String(this.#attempt),
      GITHUB_REPOSITORY: 'example/app',
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_EVENT_NAME: this.#event.name,
      GITHUB_SHA: COMMIT,
      GITHUB_REF: ref.ref,
      GITHUB_REF_NAME: ref.name,
      GITHUB_REF_TYPE: 'branch',
      GITHUB_HEAD_REF: ref.head,
      GITHUB_BASE_REF: ref.base,
      // Permissions of a fork's pull request are read-only, so it gets no token:
      // https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflows-in-forked-repositories
      ...(this.#workflow.mayHaveIdToken && !this.#event.isFork
        ? this.#world.authority.offer({ repository: 'example/app', ref: ref.ref })
        : {}),
    };
  }
}

function namesOf(job: Job): string[] {
  return job.matrix.map((cell) => nameOf(job, cell));
}

/** Returns the name as GitHub shows it: `shard (1)`. */
function nameOf(job: Job, cell: Cell): string {
  const values = Object.values(cell);
  return values.length === 0 ? job.key : `${job.key} (${values.join(', ')})`;
}
