/**
 * The states of an invocation, which only ever go forward:
 *
 *     ACTIVE ──its owner, or its deadline──► FINALIZING ──nothing below can change──► FINALIZED
 *
 * ACTIVE ones take results, inclusions and changes. From FINALIZING on, an invocation and what it
 * includes are frozen, but what it reaches may still be ACTIVE. FINALIZED means that all it
 * reaches is FINALIZED as well.
 */
import { CodedError } from '../errors.ts';

/** The names of luci.resultdb.v1.Invocation.State. */
export type InvocationState = 'ACTIVE' | 'FINALIZING' | 'FINALIZED';

/** As stored, and as in the proto. */
export const STATE_NUMBERS: Readonly<Record<InvocationState, number>> = {
  ACTIVE: 1,
  FINALIZING: 2,
  FINALIZED: 3,
};

const STATES = new Map(
  Object.entries(STATE_NUMBERS).map(([state, number]) => [number, state as InvocationState]),
);

/** Of a number that the database holds. */
export function stateOf(number: number): InvocationState {
  const state = STATES.get(number);
  if (state === undefined) throw new CodedError('data-loss', `unknown invocation state ${number}`);
  return state;
}
