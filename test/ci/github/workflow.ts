/** Reads a workflow file and the metadata of a composite action, as far as recipes use their features. */
import { parse } from 'yaml';
import { fieldsOf, listOf, textOf, unknown, variablesOf } from '../refuse.ts';
import type { Variables } from '../world.ts';

export interface Step {
  readonly uses?: string;
  readonly with: Variables;
  readonly run?: string;
  readonly shell?: string;
  readonly if?: string;
  readonly env: Variables;
}

export interface Job {
  readonly key: string;
  readonly needs: readonly string[];
  readonly if?: string;
  /** The values of the matrix for each of its jobs; one empty record if it has no matrix. */
  readonly matrix: readonly Readonly<Record<string, string | number>>[];
  readonly failFast: boolean;
  readonly steps: readonly Step[];
}

export interface Workflow {
  readonly events: readonly string[];
  readonly env: Variables;
  readonly mayHaveIdToken: boolean;
  readonly jobs: readonly Job[];
}

export interface Action {
  readonly defaults: Variables;
  readonly required: readonly string[];
  readonly inputs: readonly string[];
  readonly steps: readonly Step[];
}

export function parseWorkflow(text: string): Workflow {
  const file = fieldsOf(parse(text), 'workflow', ['name', 'on', 'env', 'permissions', 'jobs']);
  const permissions = variablesOf(file.permissions, 'permissions');
  const jobs = Object.entries(fieldsOf(file.jobs, 'jobs', Object.keys(file.jobs ?? {})));
  return {
    events: listOf(file.on, 'on').map((event) => textOf(event, 'on')),
    env: variablesOf(file.env, 'env'),
    mayHaveIdToken: permissions['id-token'] === 'write',
    jobs: jobs.map(([key, job]) => parseJob(key, job)),
  };
}

export function parseAction(text: string): Action {
  const file = fieldsOf(parse(text), 'action', ['name', 'description', 'inputs', 'runs']);
  const runs = fieldsOf(file.runs, 'runs', ['using', 'steps']);
  if (runs.using !== 'composite') unknown(`an action that uses ${runs.using}`);
  const inputs = Object.entries(
    fieldsOf(file.inputs, 'inputs', Object.keys(file.inputs ?? {})),
  ).map(([name, input]) => ({
    name,
    ...fieldsOf(input, `inputs.${name}`, ['description', 'required', 'default']),
  })) as readonly { name: string; required?: boolean; default?: string }[];
  const steps = listOf(runs.steps, 'runs.steps').map((step) => parseStep(step, 'runs.steps'));
  // https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
  if (steps.some(({ run, shell }) => run !== undefined && shell === undefined)) {
    throw new Error('a step of a composite action that runs something must name its shell');
  }
  return {
    inputs: inputs.map(({ name }) => name),
    required: inputs.filter(({ required }) => required).map(({ name }) => name),
    defaults: Object.fromEntries(inputs.map((input) => [input.name, input.default ?? ''])),
    steps,
  };
}

function parseJob(key: string, value: unknown): Job {
  const keys = ['needs', 'if', 'runs-on', 'strategy', 'steps'];
  const job = fieldsOf(value, `jobs.${key}`, keys);
  const strategy = fieldsOf(job.strategy ?? {}, `${key}.strategy`, ['fail-fast', 'matrix']);
  const needs = job.needs === undefined ? [] : [job.needs].flat();
  return {
    key,
    needs: needs.map((each) => textOf(each, 'needs')),
    ...(job.if === undefined ? {} : { if: textOf(job.if, `${key}.if`) }),
    matrix: matrixOf(strategy.matrix, `${key}.matrix`),
    failFast: strategy['fail-fast'] !== false,
    steps: listOf(job.steps, `${key}.steps`).map((step) => parseStep(step, `${key}.steps`)),
  };
}

function matrixOf(value: unknown, place: string): Job['matrix'] {
  const axes = Object.entries(value === undefined ? {} : fieldsOf(value, place, ['n']));
  return axes.reduce<Job['matrix']>(
    (cells, [name, values]) =>
      cells.flatMap((cell) =>
        listOf(values, place).map((each) => ({ ...cell, [name]: each as number })),
      ),
    [{}],
  );
}

function parseStep(value: unknown, place: string): Step {
  const keys = ['name', 'uses', 'with', 'run', 'shell', 'if', 'env'];
  const step = fieldsOf(value, place, keys);
  const optional = (key: 'uses' | 'run' | 'shell' | 'if') =>
    step[key] === undefined ? {} : { [key]: textOf(step[key], `${place}.${key}`) };
  if ((step.uses === undefined) === (step.run === undefined)) {
    throw new Error(`${place}: a step either uses or runs something`);
  }
  return {
    ...optional('uses'),
    ...optional('run'),
    ...optional('shell'),
    ...optional('if'),
    with: variablesOf(step.with, `${place}.with`),
    env: variablesOf(step.env, `${place}.env`),
  };
}
