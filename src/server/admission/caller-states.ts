/** What callers use of the server, for operators. */
import type { CallerState } from '../../services/limits/parts.ts';
import type { LimitRules } from './caller-limits.ts';
import type { Caller } from './lane.ts';
import type { Party } from './party.ts';

export interface CallerReadings {
  readonly rules: LimitRules;
  readonly caller: (party: Party) => Caller | undefined;
  readonly refused: (party: Party) => number;
  readonly resultsToday: (party: Party) => number;
}

/** Returns those with the most requests first, then those with the most refusals and results. */
export function callerStates(parties: readonly Party[], readings: CallerReadings): CallerState[] {
  const byName = new Map(parties.map((party) => [party.name, party]));
  return [...byName.values()]
    .map((party) => stateOf(party, readings))
    .sort(
      (a, b) =>
        b.inWork + b.waiting - (a.inWork + a.waiting) ||
        b.refused - a.refused ||
        b.resultsToday - a.resultsToday,
    );
}

function stateOf(party: Party, readings: CallerReadings): CallerState {
  const { bytes, requestsPerSecond, resultsPerDay } = readings.rules.of(party);
  const caller = readings.caller(party);
  const lanes = Object.values(caller?.lanes ?? {});
  return {
    name: party.name,
    inWork: lanes.reduce((sum, { inWork }) => sum + inWork, 0),
    waiting: lanes.reduce((sum, { waiting }) => sum + waiting.size, 0),
    bytes: caller?.bytes ?? 0,
    maxBytes: bytes,
    refused: readings.refused(party),
    resultsToday: readings.resultsToday(party),
    maxResultsPerDay: resultsPerDay,
    maxRequestsPerSecond: requestsPerSecond,
  };
}
