/**
 * The states of an invocation, which only ever go forward:
 *
 *     ACTIVE ──its owner, or its deadline──► FINALIZING ──nothing below can change──► FINALIZED
 *
 * An ACTIVE invocation accepts results, inclusions and changes. From FINALIZING on, the invocation
 * and its inclusions are frozen, but invocations that it reaches may still be ACTIVE. FINALIZED
 * means that all invocations that it reaches are FINALIZED as well.
 */
import { nameByNumber } from './stored-names.ts';

/** The names of luci.resultdb.v1.Invocation.State. */
export type InvocationState = 'ACTIVE' | 'FINALIZING' | 'FINALIZED';

/** The numbers in the database and in the proto. */
export const STATE_NUMBERS: Readonly<Record<InvocationState, number>> = {
  ACTIVE: 1,
  FINALIZING: 2,
  FINALIZED: 3,
};

/** Converts a number from the database. */
export const stateOf = nameByNumber(STATE_NUMBERS, 'invocation state');
