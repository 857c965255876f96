/**
 * Simulates a build of a Jenkins pipeline: a matrix, credentials, `post { always }`, and a build that is
 * aborted. It covers what the recipe uses, and refuses the rest. Workspaces outlive builds, as on permanent
 * agents. Jenkins cannot rerun a single job: repeating a build makes a new one.
 */
import { join } from 'node:path';
import { unknown } from '../refuse.ts';
import type { Shell } from '../shell.ts';
import { type CiWorld, COMMIT, type Conclusion, type Variables } from '../world.ts';
import { parseJenkinsfile, type Statement, type Text } from './jenkinsfile.ts';

const SERVER = 'https://jenkins.example.com';

export interface BuildOptions {
  readonly number: number;
  /** The credentials by their ids. If an id is missing, the build fails before it begins. */
  readonly credentials: Variables;
}

export class JenkinsBuild {
  /** The conclusions of each cell of the matrix, and of `post`. */
  readonly conclusions = new Map<string, Conclusion>();
  /** The exit codes of their last steps. */
  readonly codes = new Map<string, number>();
  readonly #world: CiWorld;
  readonly #pipeline: readonly Statement[];
  readonly #options: BuildOptions;
  readonly #running = new Set<Shell>();
  #isAborted = false;

  constructor(world: CiWorld, file: string, options: BuildOptions) {
    this.#world = world;
    this.#pipeline = parseJenkinsfile(file).block ?? [];
    this.#options = options;
  }

  async run(): Promise<void> {
    const known = ['agent', 'environment', 'stages', 'post'];
    for (const { name } of this.#pipeline) if (!known.includes(name)) unknown(name);
    const variables = { ...this.#ofBuild(), ...this.#environment() };
    for (const stage of inner(this.#pipeline, 'stages')) {
      const matrix = only(stage.block ?? [], 'matrix');
      await this.#runMatrix(matrix, variables);
    }
    // Also where the build was aborted: https://www.jenkins.io/doc/book/pipeline/syntax/#post
    const always = only(inner(this.#pipeline, 'post'), 'always');
    const node = only(always, 'node');
    this.#isAborted = false;
    await this.#runSteps('post', node, variables);
  }

  /**
   * Sends SIGTERM to all processes of the build, however they were started: Jenkins knows them by a
   * variable of their environment. https://www.jenkins.io/doc/book/using/aborting-a-build/
   */
  abort(): void {
    this.#isAborted = true;
    for (const shell of this.#running) shell.signalTree('SIGTERM');
  }

  /** Runs all cells at once, however the others end. */
  async #runMatrix(matrix: readonly Statement[], variables: Variables): Promise<void> {
    const axis = only(inner(matrix, 'axes'), 'axis');
    const name = axis.find((each) => each.name === 'name')?.args[0]?.text ?? unknown('the axis');
    const values = axis.find((each) => each.name === 'values')?.args ?? [];
    const stage = only(inner(matrix, 'stages'), 'stage');
    const steps = only(stage, 'steps');
    await Promise.all(
      values.map(({ text }) =>
        this.#runSteps(`${name}=${text}`, steps, { ...variables, [name]: text }),
      ),
    );
  }

  async #runSteps(job: string, steps: readonly Statement[], variables: Variables): Promise<void> {
    const workspace = join(this.#world.place.folder, `workspaces/${job}`);
    const machine = await this.#world.machine(job, workspace);
    let conclusion: Conclusion = 'success';
    for (const { args, name } of steps) {
      if (name !== 'sh' || args[0] === undefined) unknown(`the step ${name}`);
      if (conclusion !== 'success' || this.#isAborted) break;
      // https://www.jenkins.io/doc/pipeline/steps/workflow-durable-task-step/#sh-shell-script
      const shell = machine.start(['sh', '-xe', '-c', (args[0] as Text).text], variables);
      this.#running.add(shell);
      const code = await shell.ended;
      this.#running.delete(shell);
      this.codes.set(job, code);
      if (code !== 0) conclusion = 'failure';
    }
    await machine.close();
    this.conclusions.set(job, this.#isAborted ? 'cancelled' : conclusion);
  }

  #environment(): Variables {
    const known = this.#ofBuild();
    const entries = inner(this.#pipeline, 'environment').map(({ name, value }) => {
      if (value === undefined) return unknown(`environment: ${name}`);
      return [
        name,
        'credentials' in value ? this.#credential(value.credentials) : fill(value, known),
      ];
    });
    return Object.fromEntries(entries);
  }

  #credential(id: string): string {
    const secret = this.#options.credentials[id];
    if (secret === undefined) throw new Error(`Could not find credentials entry with ID '${id}'`);
    return secret;
  }

  /** https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables */
  #ofBuild(): Variables {
    const { number } = this.#options;
    return {
      JENKINS_URL: `${SERVER}/`,
      JOB_NAME: 'app',
      BUILD_NUMBER: String(number),
      BUILD_URL: `${SERVER}/job/app/${number}/`,
      BUILD_TAG: `jenkins-app-${number}`,
      GIT_BRANCH: 'origin/main',
      GIT_COMMIT: COMMIT,
    };
  }
}

function inner(block: readonly Statement[], name: string): readonly Statement[] {
  return block.find((each) => each.name === name)?.block ?? unknown(`a block without ${name}`);
}

/** Returns the one block with that name; `agent` is ignored. */
function only(block: readonly Statement[], name: string): readonly Statement[] {
  const others = block.filter((each) => !['agent', 'axes', 'stages', name].includes(each.name));
  if (others.length > 0) unknown(`${others[0]?.name} beside ${name}`);
  return inner(block, name);
}

function fill({ isTemplate, text }: Text, variables: Variables): string {
  if (!isTemplate) return text;
  return text.replaceAll(/\$(?:\{env\.(\w+)\})?/g, (whole, name) => {
    return variables[name] ?? unknown(`${whole} in a text`);
  });
}
