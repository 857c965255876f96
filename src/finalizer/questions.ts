/**
 * The deciding transaction reads little. It returns whatever needs many reads as a question. The
 * question is answered in snapshots, and the answer still holds when the next transaction uses it:
 * see finalizer.ts.
 */
import type { InvocationId } from '../invocations/id.ts';

export type Question =
  /** Which direct inclusion after this one is the first that is not FINALIZED? */
  | { readonly question: 'inclusion'; readonly after: InvocationId | undefined }
  /** At which invocation does the chain of blockers from this one end? */
  | { readonly question: 'chain'; readonly from: InvocationId }
  /** Which invocations does this one reach that are not FINALIZED? */
  | { readonly question: 'cycle' }
  /** This is no question: the try needs a transaction of its own. */
  | { readonly question: 'alone' }
  /** This is no question: a step has been taken, and the next step gets these answers. */
  | { readonly question: 'next-step'; readonly answers: Answers };

/** All answers of a try so far. A newer answer replaces an older one. */
export interface Answers {
  /** The first direct inclusion that was not FINALIZED; `undefined` if all were FINALIZED. */
  readonly next?: { readonly id: InvocationId | undefined };
  /** The chain from `from` passes through `at` for as long as `at` is not FINALIZED. */
  readonly chain?: { readonly from: InvocationId; readonly at: InvocationId };
  /** An invocation that is reachable and was ACTIVE. */
  readonly active?: InvocationId | undefined;
  /** All reachable invocations that were not FINALIZED, if none of them was ACTIVE. */
  readonly closed?: readonly InvocationId[];
  /** How many of `closed` are certain to be marked, if they are too many for one transaction. */
  readonly marked?: number;
}

export function isQuestion(value: unknown): value is Question {
  return typeof value === 'object' && value !== null && 'question' in value;
}
