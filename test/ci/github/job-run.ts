/** Runs one job of one attempt: its steps, one after the other, on a machine of its own. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unknown } from '../refuse.ts';
import type { Shell } from '../shell.ts';
import { isDoneWithin } from '../within.ts';
import { type Conclusion, type Machine, readRecipe, type Variables } from '../world.ts';
import type { Artifacts } from './artifacts.ts';
import { type Context, evaluate, isTrue, substitute } from './expressions.ts';
import { parseAction, type Step } from './workflow.ts';

/** https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation */
const AFTER_SIGINT_MS = 7_500;
const AFTER_SIGTERM_MS = 2_500;

/** https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell */
const SHELLS = new Map<string | undefined, readonly [string, ...string[]]>([
  [undefined, ['bash', '-e']],
  ['bash', ['bash', '--noprofile', '--norc', '-eo', 'pipefail']],
]);

/** The path at which a recipe uses the composite action, and the folder that holds it. */
const ACTIONS = new Map([['./.github/actions/postlude-record', 'actions/record/action.yml']]);
const NOTHING_TO_DO = ['actions/checkout@v5', 'actions/setup-node@v5'];

export interface JobRunOptions {
  readonly machine: Machine;
  readonly artifacts: Artifacts;
  readonly contexts: Context;
  /** The variables that GitHub sets for the job. */
  readonly variables: Variables;
  /** The workflow's variables, which may contain expressions. */
  readonly env: Variables;
  readonly isCancelled: () => boolean;
}

interface Scope {
  readonly contexts: Context;
  readonly env: Variables;
}

export class JobRun {
  readonly #options: JobRunOptions;
  #running: { readonly shell: Shell; readonly step: Step } | undefined;
  #conclusion: Conclusion = 'success';
  #scripts = 0;
  /** The exit codes of the scripts that were run. */
  readonly codes: number[] = [];

  constructor(options: JobRunOptions) {
    this.#options = options;
  }

  async run(steps: readonly Step[]): Promise<Conclusion> {
    const { contexts, env } = this.#options;
    await this.#runSteps(steps, { contexts, env: substituted(env, contexts) });
    return this.#conclusion;
  }

  /** Stops the running step, unless it runs always. Each later step decides by its own condition. */
  async cancel(): Promise<void> {
    if (this.#running === undefined) return;
    const { shell, step } = this.#running;
    if (this.#isWanted(step, this.#options.contexts)) return;
    // Only the entry process gets the signal, as a shell does not pass it on.
    shell.signalEntry('SIGINT');
    if (await isDoneWithin(shell.ended, AFTER_SIGINT_MS)) return;
    shell.signalEntry('SIGTERM');
    if (await isDoneWithin(shell.ended, AFTER_SIGTERM_MS)) return;
    shell.signalTree('SIGKILL');
  }

  async #runSteps(steps: readonly Step[], scope: Scope): Promise<void> {
    for (const step of steps) {
      if (!this.#isWanted(step, scope.contexts)) continue;
      const own = { ...scope.env, ...substituted(step.env, scope.contexts) };
      const here = { contexts: { ...scope.contexts, env: own }, env: own };
      const isDone = await this.#runStep(step, here);
      if (!isDone) this.#conclusion = this.#options.isCancelled() ? 'cancelled' : 'failure';
    }
    if (this.#options.isCancelled()) this.#conclusion = 'cancelled';
  }

  #isWanted(step: Step, contexts: Context): boolean {
    return isWanted(step.if, contexts, {
      isCancelled: this.#options.isCancelled(),
      isSuccess: this.#conclusion === 'success',
      isFailure: this.#conclusion === 'failure',
    });
  }

  async #runStep(step: Step, scope: Scope): Promise<boolean> {
    if (step.run !== undefined) return await this.#runScript(step, step.run, scope);
    const { artifacts, machine } = this.#options;
    const given = substituted(step.with, scope.contexts);
    const action = ACTIONS.get(step.uses ?? '');
    if (action !== undefined) return await this.#runAction(action, given, scope);
    if (NOTHING_TO_DO.includes(step.uses ?? '')) return true;
    if (step.uses === 'actions/upload-artifact@v4') return artifacts.upload(machine.cwd, given);
    if (step.uses === 'actions/download-artifact@v4') return artifacts.download(machine.cwd, given);
    return unknown(`the action ${step.uses}`);
  }

  /** The action's inputs are known by name, and are not in the environment of its steps. */
  async #runAction(path: string, given: Variables, scope: Scope): Promise<boolean> {
    const action = parseAction(await readRecipe(path));
    const strange = Object.keys(given).find((name) => !action.inputs.includes(name));
    if (strange !== undefined) unknown(`the input ${strange} of ${path}`);
    const missing = action.required.find((name) => given[name] === undefined);
    if (missing !== undefined) throw new Error(`${path}: the input ${missing} is missing`);
    const inputs = { ...action.defaults, ...given };
    await this.#runSteps(action.steps, { ...scope, contexts: { ...scope.contexts, inputs } });
    return this.#conclusion === 'success';
  }

  async #runScript(step: Step, run: string, { contexts, env }: Scope): Promise<boolean> {
    const { machine, variables } = this.#options;
    const interpreter = SHELLS.get(step.shell) ?? unknown(`the shell ${step.shell}`);
    const script = join(machine.folder, `script-${this.#scripts++}.sh`);
    await writeFile(script, substitute(run, contexts));
    const shell = machine.start([...interpreter, script], { ...variables, ...env });
    this.#running = { shell, step };
    const code = await shell.ended;
    this.#running = undefined;
    this.codes.push(code);
    return code === 0;
  }
}

export interface Circumstances {
  readonly isCancelled: boolean;
  readonly isSuccess: boolean;
  readonly isFailure: boolean;
}

/** A condition without a status function requires success: …/expressions#status-check-functions */
export function isWanted(
  condition: string | undefined,
  contexts: Context,
  { isCancelled, isFailure, isSuccess }: Circumstances,
): boolean {
  const text = condition?.replace(/^\$\{\{(.*)\}\}$/, '$1') ?? 'success()';
  const asksStatus = /\b(always|success|failure|cancelled)\(\)/.test(text);
  const whole = asksStatus ? text : `success() && (${text})`;
  return isTrue(
    evaluate(whole, contexts, {
      always: () => true,
      cancelled: () => isCancelled,
      failure: () => isFailure && !isCancelled,
      success: () => isSuccess && !isCancelled,
    }),
  );
}

function substituted(variables: Variables, contexts: Context): Variables {
  const entries = Object.entries(variables);
  return Object.fromEntries(entries.map(([name, text]) => [name, substitute(text, contexts)]));
}
