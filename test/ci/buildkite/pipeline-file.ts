/** Reads a pipeline.yml, as far as the recipe uses its features. https://buildkite.com/docs/pipelines/configure/defining-steps */
import { parse } from 'yaml';
import { fieldsOf, listOf, textOf, unknown, variablesOf } from '../refuse.ts';
import type { Variables } from '../world.ts';

export interface CommandStep {
  readonly kind: 'command';
  readonly key: string;
  readonly command: string;
  /** The number of jobs that the step becomes. */
  readonly parallelism: number;
  readonly softFail: boolean;
  /** A folder; all of its files are kept. */
  readonly artifacts?: string;
}

export interface WaitStep {
  readonly kind: 'wait';
  readonly continuesOnFailure: boolean;
}

export interface PipelineFile {
  readonly env: Variables;
  readonly steps: readonly (CommandStep | WaitStep)[];
}

const NOT_A_FORK = 'build.pull_request.repository.fork != true';
const COMMAND = ['label', 'key', 'if', 'soft_fail', 'parallelism', 'command', 'artifact_paths'];

/** Parses the file as it is uploaded for a build. */
export function parsePipeline(text: string, isFork: boolean): PipelineFile {
  const file = fieldsOf(parse(interpolate(text)), 'pipeline', ['env', 'steps']);
  const steps = listOf(file.steps, 'steps').flatMap((step) => parseStep(step, isFork));
  return { env: variablesOf(file.env, 'env'), steps };
}

/**
 * Variables belong to the job that uploads the pipeline, and the recipe uses none of them; $$ is a $
 * of the command. https://buildkite.com/docs/agent/cli/reference/pipeline#environment-variable-substitution
 */
function interpolate(text: string): string {
  return text.replaceAll(/\$(\$|\w+|\{)/g, (whole, next: string) =>
    next === '$' ? '$' : unknown(`the variable ${whole}`),
  );
}

function parseStep(value: unknown, isFork: boolean): (CommandStep | WaitStep)[] {
  if (typeof value === 'object' && value !== null && 'wait' in value) {
    const wait = fieldsOf(value, 'wait', ['wait', 'continue_on_failure']);
    return [{ kind: 'wait', continuesOnFailure: wait.continue_on_failure === true }];
  }
  const step = fieldsOf(value, 'steps', COMMAND);
  if (step.if !== undefined && step.if !== NOT_A_FORK) unknown(`the condition ${step.if}`);
  if (step.if !== undefined && isFork) return [];
  const { artifact_paths: paths } = step;
  return [
    {
      kind: 'command',
      key: textOf(step.key ?? step.label, 'key'),
      command: textOf(step.command, 'command'),
      parallelism: Number(step.parallelism ?? 1),
      softFail: step.soft_fail === true,
      ...(paths === undefined ? {} : { artifacts: textOf(paths, 'paths').replace(/\/\*$/, '') }),
    },
  ];
}
