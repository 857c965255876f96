/** Bounds the work of a pattern for which nobody waits: an export has no caller who would go away. */
import { CodedError } from '@postlude/queue/foundations';

/** In the units of `TestIdPattern`. */
export interface PatternWork {
  /** For each id, in the mean. */
  readonly mean: number;
  /** In all, before the mean counts. */
  readonly free: number;
}

/** A tenth of a millisecond or two for each id, after some five seconds. */
const DEFAULT_LIMIT: PatternWork = { mean: 20_000, free: 1_000_000_000 };

/** Throws `invalid-argument` if the matcher has worked too long for the number of its calls. */
export function requireCheap(
  { work, calls }: { readonly work: number; readonly calls: number },
  { mean, free }: PatternWork = DEFAULT_LIMIT,
): void {
  if (work <= free + calls * mean) return;
  const found = Math.round(work / calls);
  throw new CodedError(
    'invalid-argument',
    `test_id_regexp: the pattern takes ${found} steps for each test id, and ${mean} are allowed`,
  );
}
