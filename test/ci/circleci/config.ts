/** Reads a .circleci/config.yml, as far as the recipe uses its features. https://circleci.com/docs/reference/configuration-reference/ */
import { parse } from 'yaml';
import { fieldsOf, listOf, textOf, unknown, variablesOf } from '../refuse.ts';
import type { Variables } from '../world.ts';

export interface Job {
  readonly name: string;
  readonly environment: Variables;
  readonly parallelism: number;
  /** The scripts of the job's steps. */
  readonly scripts: readonly string[];
  /** The jobs that this one waits for, however they end. */
  readonly after: readonly string[];
}

/** The jobs of the one workflow. */
export function parseConfig(text: string): readonly Job[] {
  const config = fieldsOf(parse(text), 'config', ['version', 'executors', 'jobs', 'workflows']);
  const names = Object.keys(config.jobs ?? {});
  const executors = fieldsOf(config.executors, 'executors', Object.keys(config.executors ?? {}));
  const jobs = fieldsOf(config.jobs, 'jobs', names);
  const workflows = fieldsOf(config.workflows, 'workflows', ['tests']);
  const workflow = fieldsOf(workflows.tests, 'tests', ['jobs']);
  return listOf(workflow.jobs, 'tests.jobs').map((entry) => {
    const [name, given] =
      typeof entry === 'string' ? [entry, {}] : (Object.entries(entry as object)[0] ?? ['', {}]);
    const { requires } = fieldsOf(given, name, ['requires']);
    const job = fieldsOf(jobs[name], name, ['executor', 'parallelism', 'steps']);
    const executor = fieldsOf(executors[textOf(job.executor, name)], `the executor of ${name}`, [
      ...['docker', 'environment'],
    ]);
    return {
      name,
      environment: variablesOf(executor.environment, 'environment'),
      parallelism: Number(job.parallelism ?? 1),
      scripts: listOf(job.steps, `${name}.steps`).flatMap(scriptOf),
      after: listOf(requires ?? [], `${name}.requires`).map(terminal),
    };
  });
}

function scriptOf(step: unknown): string[] {
  if (step === 'checkout') return [];
  return [textOf(fieldsOf(step, 'steps', ['run']).run, 'run')];
}

/** A requirement of `terminal` is met if the job succeeds, fails or never runs: https://circleci.com/changelog/terminal-jobs-released */
function terminal(value: unknown): string {
  const [name = '', status] = Object.entries(value as object)[0] ?? [];
  return status === 'terminal' ? name : unknown(`requires ${name}: ${status}`);
}
