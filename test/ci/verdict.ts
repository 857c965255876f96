/** Checks the result of a simulated pipeline on the server. */
import assert from 'node:assert/strict';
import type { Totals } from '../scenarios/stage/place.ts';
import { TESTS_OF_SHARD } from './tools.ts';
import type { CiWorld } from './world.ts';

export const SHARDS = 4;
const ALL = SHARDS * TESTS_OF_SHARD;

export const GREEN: Totals = { results: ALL, unexpected: 0, byStatus: { PASS: ALL } };

/** One failed test in one shard. */
export const ONE_FAILED: Totals = {
  results: ALL,
  unexpected: 1,
  byStatus: { PASS: ALL - 1, FAIL: 1 },
};

/** All results of three shards, and one that tells what happened to the fourth. */
export const ONE_MISSING: Totals = {
  results: ALL - TESTS_OF_SHARD + 1,
  unexpected: 1,
  byStatus: { PASS: ALL - TESTS_OF_SHARD, ABORT: 1 },
};

/** From the fourth shard, what it had reported when it was stopped, and that it and its command were stopped. */
export const ONE_CANCELLED: Totals = {
  results: ALL - TESTS_OF_SHARD + 3,
  unexpected: 2,
  byStatus: { PASS: ALL - TESTS_OF_SHARD + 1, ABORT: 2 },
};

export function sum(a: Totals, b: Totals): Totals {
  const statuses = new Set([...Object.keys(a.byStatus), ...Object.keys(b.byStatus)]);
  const count = (status: string) => (a.byStatus[status] ?? 0) + (b.byStatus[status] ?? 0);
  return {
    results: a.results + b.results,
    unexpected: a.unexpected + b.unexpected,
    byStatus: Object.fromEntries([...statuses].map((status) => [status, count(status)])),
  };
}

/** Returns the results of this many green shards. */
export function greenShards(number: number): Totals {
  const results = number * TESTS_OF_SHARD;
  return { results, unexpected: 0, byStatus: { PASS: results } };
}

export interface Verdict {
  readonly totals: Totals;
  readonly is: 'green' | 'red';
  /** The number of the run's attempt; 1 by default. */
  readonly attempt?: number;
}

/** Checks the totals of query and export, the state, and the verdict of gate. */
export async function expectRun({ place }: CiWorld, run: string, verdict: Verdict): Promise<void> {
  const { attempt = 1, is, totals } = verdict;
  const id = attempt === 1 ? run : `${run}.attempt-${attempt}`;
  await place.expect(id, totals);
  const status = await place.over(id);
  assert.deepEqual(
    { attempt, last: attempt },
    { attempt: status.attempt, last: status.lastAttempt },
  );
  const { code, out } = await place.cli('gate', run);
  assert.equal(code, is === 'green' ? 0 : 1, out);
}

export async function expectNothing({ place }: CiWorld, id: string): Promise<void> {
  const { code, err } = await place.cli('status', id);
  assert.equal(code, 1);
  assert.match(err, /not found|no invocation|does not exist/i);
}

/** Waits until these jobs, all but one, have ended and said so. */
export async function untilOthersEnded(world: CiWorld, jobs: readonly string[]): Promise<void> {
  await Promise.all(jobs.map((job) => world.log(job).printed(/the command ended with \d+;/)));
}
