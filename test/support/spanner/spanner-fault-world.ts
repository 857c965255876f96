/** The conformance suite's tables on Spanner, reached through a network with faults and directly. */
import type { Clock } from '@postlude/queue/foundations';
import { type Database, int, sql, type Transaction } from '@postlude/queue/storage';
import { FakeClock } from '@postlude/queue/testing';
import { openTestSpanner, testSchema } from '../databases/databases.ts';
import { accounts } from '../suites/suite-tables.ts';
import { createSpannerSuiteTables } from '../suites/suite-tables-spanner.ts';
import { GRPC } from './grpc-messages.ts';
import {
  openProxiedSpanner,
  type ProxiedOptions,
  type ProxiedSpanner,
  type SpannerFault,
  type SpannerFaults,
} from './spanner-proxy.ts';

export interface FaultWorld extends ProxiedSpanner {
  /** The same database, without the proxy. */
  readonly direct: Database;
}

export async function openFaultWorld(
  faults: SpannerFaults,
  options: ProxiedOptions = {},
): Promise<FaultWorld> {
  const schema = testSchema();
  const direct = await openTestSpanner({ schema, migrated: false });
  await createSpannerSuiteTables(direct, schema);
  return { direct, ...(await openProxiedSpanner(schema, faults, options)) };
}

export const ABORTED = { moment: 'aborted' } as const;
export const SESSION_LOST = { moment: 'session-lost' } as const;
export const UNAVAILABLE = { status: GRPC.unavailable };

type Befall = SpannerFault | SpannerFaults;

/** Lets all calls of one method fail. */
export function onEach(method: string, befall: Befall): SpannerFaults {
  const happen = typeof befall === 'function' ? befall : () => befall;
  return (call) => (call.method === method ? happen(call) : undefined);
}

/** Lets one call of a method fail: the first by default, or the `nth`. */
export function onOne(method: string, befall: Befall, nth = 0): SpannerFaults {
  const faults = onEach(method, befall);
  return (call) => (call.nth === nth ? faults(call) : undefined);
}

/** A clock that advances only while a caller sleeps. */
export function leapingClock(): Clock {
  const clock = new FakeClock();
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    sleep: async (ms) => clock.advance(ms),
  };
}

export const ADA = { owner: 'ada', number: 1, balance: 1 };

/** Adds one to Ada's balance, which then shows whether it happened twice or never. */
export async function increment(tx: Transaction): Promise<void> {
  const query = sql`SELECT balance FROM ${accounts} WHERE owner = ${ADA.owner}`;
  const [row] = await tx.query(query, { balance: int });
  await tx.upsert(accounts, [{ ...ADA, balance: (row?.balance ?? 0) + 1 }]);
}
