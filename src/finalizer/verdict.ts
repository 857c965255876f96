/** What comes of a try, and of one transaction of it. */
import type { Question } from './known.ts';

/**
 * `finalized`: by this try. `waiting`: for its blocker, whose end wakes it. `idle`: there was
 * nothing to do, since it is ACTIVE, FINALIZED or gone. `postponed`: it is in a large closed set, and
 * another such set is being marked: it must be tried again, as nothing else will wake it.
 */
export type TryOutcome = 'finalized' | 'waiting' | 'idle' | 'postponed';

export type Verdict = TryOutcome | Question;
