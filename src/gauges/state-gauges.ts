/**
 * The gauges of what is in progress and of what is stuck. The database is read at most once per interval
 * for each group of gauges, however many servers of metrics ask.
 */
import {
  type Clock,
  type EpochMs,
  type GaugeReadings,
  type Metrics,
  type SharedReadingOptions,
  sharedReading,
} from '@postlude/queue/foundations';
import { type Database, LOOK, type Reader, shardsOf } from '@postlude/queue/storage';
import { expiredPages } from '../retention/expired.ts';
import { countDeadTasks } from './dead-tasks.ts';
import { countExportTasks } from './export-tasks.ts';
import { type Group, type OpenInvocations, readOpenInvocations } from './open-invocations.ts';

export interface StateGaugeParts {
  readonly db: Database;
  /** Follows the database's clock. */
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export const GAUGE_INTERVAL_MS = 15_000;

const oncePerInterval = (clock: Clock): SharedReadingOptions => ({
  clock,
  intervalMs: GAUGE_INTERVAL_MS,
  keepsFailures: true,
});

/** Returns metrics whose gauges, which read the database one by one, read it no more often either. */
export function withSharedGauges({ clock, metrics }: Omit<StateGaugeParts, 'db'>): Metrics {
  return {
    counter: (name, options) => metrics.counter(name, options),
    histogram: (name, options) => metrics.histogram(name, options),
    gauge: (name, options, read) =>
      metrics.gauge(name, options, sharedReading(oncePerInterval(clock), read)),
  };
}

export function observeState(parts: StateGaugeParts): void {
  observeInvocations(parts);
  observeTasks(parts);
  observeRetention(parts);
}

function observeInvocations(parts: StateGaugeParts): void {
  const { clock, metrics } = parts;
  const read = shared(parts, readOpenInvocations);
  const ageOf = ({ since = clock.now() }: Group): number => Math.max(clock.now() - since, 0) / 1000;
  const byState = (
    { active, finalizing }: OpenInvocations,
    pick: (group: Group) => number,
  ): GaugeReadings => [
    ...reading(pick(active), { state: 'ACTIVE' }),
    ...reading(pick(finalizing), { state: 'FINALIZING' }),
  ];
  metrics.gauge(
    'postlude.invocation.open',
    { description: 'Invocations that are not over, counted up to 10,000', unit: '{invocation}' },
    async () => byState(await read(), ({ count }) => count),
  );
  metrics.gauge(
    'postlude.invocation.oldest_open_age',
    { description: 'How long the oldest of them has been in that state', unit: 's' },
    async () => byState(await read(), ageOf),
  );
  metrics.gauge(
    'postlude.invocation.overdue',
    {
      description: 'ACTIVE invocations whose time is over, counted up to 10,000',
      unit: '{invocation}',
    },
    async () => reading((await read()).overdue.count),
  );
  metrics.gauge(
    'postlude.invocation.overdue_age',
    { description: 'How long the time of the most overdue has been over', unit: 's' },
    async () => reading(ageOf((await read()).overdue)),
  );
}

function observeTasks(parts: StateGaugeParts): void {
  const { metrics } = parts;
  const readExports = shared(parts, countExportTasks);
  const readDead = shared(parts, countDeadTasks);
  metrics.gauge(
    'postlude.export.tasks',
    { description: 'Exports that are not done, counted among 10,000', unit: '{task}' },
    async () =>
      (await readExports()).flatMap(({ count, state, table }) => reading(count, { state, table })),
  );
  metrics.gauge(
    'postlude.task.dead',
    { description: 'Dead tasks, counted up to 10,000 of each type', unit: '{task}' },
    async () => [...(await readDead())].flatMap(([type, count]) => reading(count, { type })),
  );
}

function observeRetention(parts: StateGaugeParts): void {
  const { clock, db, metrics } = parts;
  const read = sharedReading(oncePerInterval(clock), () => longestExpiredMs(db, clock.now()));
  metrics.gauge(
    'postlude.retention.backlog_age',
    { description: 'How long the first that a pass would delete has expired', unit: 's' },
    async () => reading((await read()) / 1000),
  );
}

async function longestExpiredMs(db: Database, now: EpochMs): Promise<number> {
  let longest = 0;
  for (const shard of shardsOf(db.dialect)) {
    for (const expiry of ['invocation', 'expected-results'] as const) {
      for await (const [first] of expiredPages(db, { expiry, shard, now, limit: 1 })) {
        if (first) longest = Math.max(longest, now - first.expiredAt);
        break;
      }
    }
  }
  return longest;
}

function shared<T>(
  { clock, db }: StateGaugeParts,
  read: (reader: Reader, now: EpochMs) => Promise<T>,
): () => Promise<T> {
  return sharedReading(oncePerInterval(clock), () =>
    db.read((reader) => read(reader, clock.now()), LOOK),
  );
}

function reading(value: number, fields = {}): GaugeReadings {
  return [{ value, fields }];
}
