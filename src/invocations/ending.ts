/**
 * The cause that ended an ACTIVE invocation which its owner had not finalized. Its results may be
 * incomplete, so it gets a test result that says so: see finalizer/end.ts.
 */
import { nameByNumber } from './stored-names.ts';

/**
 * - `CANCELLED`: its recorder was told to stop.
 * - `DEADLINE`: its owner had not finalized it by its deadline.
 * - `LOST`: its recorder had been silent for too long.
 * - `SUPERSEDED`: a later attempt began while it was ACTIVE, so its own results do not count.
 * - `NEVER_APPEARED`: it was expected, and no recorder began it.
 */
export type EndCause = 'CANCELLED' | 'DEADLINE' | 'LOST' | 'SUPERSEDED' | 'NEVER_APPEARED';

/** The numbers in the database and in postlude.v1.EndCause. */
export const END_CAUSE_NUMBERS: Readonly<Record<EndCause, number>> = {
  CANCELLED: 1,
  DEADLINE: 2,
  LOST: 3,
  SUPERSEDED: 4,
  NEVER_APPEARED: 5,
};

/** Converts a number from the database. */
export const endCauseOf = nameByNumber(END_CAUSE_NUMBERS, 'end cause of an invocation:');

const PHRASES: Readonly<Record<EndCause, string>> = {
  CANCELLED: 'it was cancelled',
  DEADLINE: 'it was ended by its deadline',
  LOST: 'its recorder was lost',
  SUPERSEDED: 'a later attempt superseded it',
  NEVER_APPEARED: 'it never appeared',
};

/** Returns a phrase for messages: `its recorder was lost`. */
export function describeEnd(cause: EndCause): string {
  return PHRASES[cause];
}
