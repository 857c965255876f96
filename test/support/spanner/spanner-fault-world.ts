/** The conformance suite's tables on Spanner, behind a network with faults and in front of it. */
import type { Clock } from '../../../src/clock.ts';
import { int } from '../../../src/storage/column.ts';
import type { Database, Transaction } from '../../../src/storage/database.ts';
import { sql } from '../../../src/storage/sql.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
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
  /** The same database, spoken to without a proxy. */
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

/** What befalls all calls of one method. */
export function onEach(method: string, befall: Befall): SpannerFaults {
  const happen = typeof befall === 'function' ? befall : () => befall;
  return (call) => (call.method === method ? happen(call) : undefined);
}

/** What befalls one call of a method, the first unless `nth` is given; the others are spared. */
export function onOne(method: string, befall: Befall, nth = 0): SpannerFaults {
  const faults = onEach(method, befall);
  return (call) => (call.nth === nth ? faults(call) : undefined);
}

/** Time that passes only where somebody sleeps. */
export function leapingClock(): Clock {
  const clock = new FakeClock();
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    sleep: async (ms) => clock.advance(ms),
  };
}

export const ADA = { owner: 'ada', number: 1, balance: 1 };

/** Adds one to what Ada has: where it happened twice or never, her balance tells. */
export async function increment(tx: Transaction): Promise<void> {
  const query = sql`SELECT balance FROM ${accounts} WHERE owner = ${ADA.owner}`;
  const [row] = await tx.query(query, { balance: int });
  await tx.upsert(accounts, [{ ...ADA, balance: (row?.balance ?? 0) + 1 }]);
}
