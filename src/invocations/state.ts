/**
 * The states of an invocation, which only ever go forward:
 *
 *     ACTIVE ──its owner, or its deadline──► FINALIZING ──nothing below can change──► FINALIZED
 *
 * An ACTIVE invocation accepts results, inclusions and changes. From FINALIZING on, the invocation
 * and its inclusions are frozen, but invocations that it reaches may still be ACTIVE. FINALIZED
 * means that all invocations that it reaches are FINALIZED as well.
 */
import { CodedError } from '@postlude/queue/foundations';

/** The names of luci.resultdb.v1.Invocation.State. */
export type InvocationState = 'ACTIVE' | 'FINALIZING' | 'FINALIZED';

/** The numbers in the database and in the proto. */
export const STATE_NUMBERS: Readonly<Record<InvocationState, number>> = {
  ACTIVE: 1,
  FINALIZING: 2,
  FINALIZED: 3,
};

const STATES = new Map(
  Object.entries(STATE_NUMBERS).map(([state, number]) => [number, state as InvocationState]),
);

/** Converts a number from the database. */
export function stateOf(number: number): InvocationState {
  const state = STATES.get(number);
  if (state === undefined) throw new CodedError('data-loss', `unknown invocation state ${number}`);
  return state;
}
