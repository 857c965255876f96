/** What a CI system tells its jobs about themselves. What one does not tell is not there. */
import type { CliContext } from '../context.ts';

export type Environment = CliContext['env'];

export interface CiContext {
  /** `github`, `gitlab`, … */
  readonly system: string;
  /** The repository, or what stands for it: `example/app`. */
  readonly repository?: string | undefined;
  /** Where the change is; of a pull request, its own branch. */
  readonly branch?: string | undefined;
  /** The tag that is built, if one is. */
  readonly gitTag?: string | undefined;
  /** What is built: on some systems the merge of a pull request, not its head. */
  readonly commit?: string | undefined;
  /** The branch that a pull request is to be merged into. */
  readonly base?: string | undefined;
  readonly pullRequest?: string | undefined;
  readonly pipelineUrl?: string | undefined;
  readonly job?: string | undefined;
  readonly jobUrl?: string | undefined;
  /** From 1; only where the system counts. */
  readonly attempt?: number | undefined;
}

/** `undefined` for a job of another system. */
export type ReadContext = (env: Environment) => CiContext | undefined;

/** The number in `text`, plus `offset`; `undefined` where that is no positive one. */
export function positive(text: string | undefined, offset = 0): number | undefined {
  const number = text ? Number(text) + offset : 0;
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}
