/** The facts that a CI system gives its jobs about themselves. A fact that it does not give is undefined. */
import type { CliContext } from '../context.ts';

export type Environment = CliContext['env'];

export interface CiContext {
  /** `github`, `gitlab`, … */
  readonly system: string;
  /** The repository, or a name that identifies it: `example/app`. */
  readonly repository?: string | undefined;
  /** The branch of the change; for a pull request, its own branch. */
  readonly branch?: string | undefined;
  /** The tag that is built, if the build is for a tag. */
  readonly gitTag?: string | undefined;
  /** The commit that is built: on some systems the merge of a pull request, not its head. */
  readonly commit?: string | undefined;
  /** The branch that a pull request is to be merged into. */
  readonly base?: string | undefined;
  readonly pullRequest?: string | undefined;
  readonly pipelineUrl?: string | undefined;
  readonly job?: string | undefined;
  readonly jobUrl?: string | undefined;
  /** Starts at 1; set only if the system counts attempts. */
  readonly attempt?: number | undefined;
}

/** Returns `undefined` for a job of another system. */
export type ReadContext = (env: Environment) => CiContext | undefined;

/** Returns the number in `text` plus `offset`, or `undefined` if that is not a positive number. */
export function positive(text: string | undefined, offset = 0): number | undefined {
  const number = text ? Number(text) + offset : 0;
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}
