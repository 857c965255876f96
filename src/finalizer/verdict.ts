/** The outcome of a try, and of one transaction of a try. */
import type { Question } from './questions.ts';

/**
 * - `finalized`: this try has finalized the invocation.
 * - `waiting`: the invocation waits for its blocker, and the end of the blocker wakes it.
 * - `idle`: there was nothing to do, since the invocation is ACTIVE, FINALIZED or deleted.
 * - `postponed`: the invocation is in a large closed set while another such set is being marked. It
 *   must be tried again, as nothing else will wake it.
 */
export type TryOutcome = 'finalized' | 'waiting' | 'idle' | 'postponed';

export type Verdict = TryOutcome | Question;
