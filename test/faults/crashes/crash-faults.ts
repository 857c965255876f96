/**
 * A fault run of PostgreSQL itself: it crashes repeatedly under many writers, which continue as soon
 * as it is back. Afterwards all that was acknowledged must be stored, and nothing that was refused.
 *
 * Crashes are: a server process is killed, as a machine out of memory does, so that all end and the
 * server recovers; the server ends and is started again at once; the same at the very moment of a
 * COMMIT, which a proxy cuts off; and a synchronous standby takes over.
 */
import {
  monotonicMs,
  type Random,
  randomInt,
  shuffled,
  systemClock,
} from '@postlude/queue/foundations';
import type { PostgresServer } from '../../support/databases/postgres-server.ts';
import { type CutMode, startTcpProxy } from '../../support/network/tcp-proxy.ts';
import type { WriterCounts } from './crash-counts.ts';
import { type CrashWriters, startCrashWriters } from './crash-writers.ts';
import type { CrashPlace } from './crash-writes.ts';

export interface CrashPlan {
  readonly server: PostgresServer;
  /** The number of crashes of each kind. */
  readonly crashes: Readonly<Record<CrashKind, number>>;
  readonly random: Random;
  readonly note: (text: string) => void;
}

export type CrashKind = 'killed_backends' | 'immediate_restarts' | 'cut_commits' | 'promotions';

export interface CrashReport extends WriterCounts {
  readonly crashes: Readonly<Record<CrashKind | 'all', number>>;
  /** The longest time from the server's return until the next write is acknowledged. */
  readonly resumed_ms: number;
}

const CUT_MODES: readonly CutMode[] = ['before', 'after', 'silent'];
/** Makes sure that each crash interrupts writers. */
const ACKNOWLEDGED_BETWEEN = 40;
const ASK_EVERY_MS = 2;
/** If nothing is acknowledged for this long, something hangs. */
const STALL_MS = 60_000;

/** The server may be another one afterwards: the caller must stop the `server` that this returns. */
export async function runCrashFaults(
  plan: CrashPlan,
): Promise<{ readonly report: CrashReport; readonly server: PostgresServer }> {
  const { crashes } = plan;
  const proxy = await startTcpProxy(plan.server.port);
  const place = { server: plan.server, proxy };
  const writers = await startCrashWriters(place);
  try {
    let resumed = 0;
    const order = shuffled(kindsOf(crashes), plan.random);
    for (const [index, kind] of order.entries()) {
      await untilAcknowledged(writers, ACKNOWLEDGED_BETWEEN);
      await CRASHES[kind](place, plan.random);
      const backAt = monotonicMs();
      await untilAcknowledged(writers, 1);
      resumed = Math.max(resumed, Math.round(monotonicMs() - backAt));
      if ((index + 1) % 10 === 0) plan.note(`${index + 1} crashes, ${writers.acknowledged()} acks`);
    }
    await untilAcknowledged(writers, ACKNOWLEDGED_BETWEEN);
    const counts = await writers.finish();
    const all = order.length;
    return {
      report: { crashes: { ...crashes, all }, ...counts, resumed_ms: resumed },
      server: place.server,
    };
  } finally {
    await writers.stop();
    await proxy.close();
  }
}

type Crash = (place: CrashPlace, random: Random) => Promise<void>;

const CRASHES: Readonly<Record<CrashKind, Crash>> = {
  killed_backends: ({ server }) => server.killBackend(),
  immediate_restarts: ({ server }) => server.restart('crash'),
  cut_commits: async ({ server, proxy }, random) => {
    const mode = CUT_MODES[randomInt(random, CUT_MODES.length)] ?? 'before';
    await proxy.cutAt('COMMIT', mode);
    await server.restart('crash');
  },
  promotions: async (place) => {
    const standby = await place.server.startStandby();
    await systemClock.sleep(100); // writers are busy again
    place.server = await standby.promote();
    place.proxy.redirect(place.server.port);
  },
};

function kindsOf(crashes: CrashPlan['crashes']): CrashKind[] {
  const kinds = Object.keys(crashes) as CrashKind[];
  return kinds.flatMap((kind) => Array.from({ length: crashes[kind] }, () => kind));
}

async function untilAcknowledged(writers: CrashWriters, more: number): Promise<void> {
  const wanted = writers.acknowledged() + more;
  const startedAt = monotonicMs();
  while (writers.acknowledged() < wanted) {
    if (monotonicMs() - startedAt > STALL_MS) throw new Error('no write is acknowledged any more');
    await systemClock.sleep(ASK_EVERY_MS);
  }
}
