/** What the emulator does not do: keep operations that failed, under the name that they bore. */
import { expect, onTestFinished, test } from 'vitest';
import { SqliteDatabase } from '../../../../../test/support/databases/sqlite-database.ts';
import { RecordingLog } from '../../../../../test/support/recording-log.ts';
import type { Clock } from '../../foundations/clock.ts';
import { type Log, silentLog } from '../../foundations/log.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { int, text, timestamp } from '../column.ts';
import { parseMigration } from '../migrations.ts';
import { table } from '../table.ts';
import {
  type SchemaAdmin,
  type SchemaOperation,
  SpannerMigrationTarget,
} from './migration-target.ts';

const MIGRATION = parseMigration(
  'test',
  '0001_tasks.sql',
  'CREATE TABLE IF NOT EXISTS t (id INT64)',
);
const NAME = `m0001_tasks_${MIGRATION.checksum.slice(0, 8)}`;
const ALREADY_EXISTS = 6;

/** Knows operations of these names, and how they ended; answers the names it has been asked to run. */
function adminWith(known: Readonly<Record<string, 'succeeded' | 'failed'>>) {
  const started: string[] = [];
  const admin: SchemaAdmin = {
    async updateDatabaseDdl({ operationId }) {
      if (operationId in known) {
        throw Object.assign(new Error('Operation already exists'), { code: ALREADY_EXISTS });
      }
      started.push(operationId);
      return [{ done: true }];
    },
    async checkUpdateDatabaseDdlProgress(path) {
      const hasFailed = known[path.split('/').at(-1) ?? ''] === 'failed';
      return { done: true, ...(hasFailed ? { error: new Error('it failed') } : {}) };
    },
  };
  return { admin, started };
}

function targetOf(admin: SchemaAdmin, parts: { readonly clock?: Clock; readonly log?: Log } = {}) {
  const columns = { setName: text, number: int, name: text, checksum: text, appliedAt: timestamp };
  const sqlite = new SqliteDatabase([table('applied_migrations', columns, ['setName', 'number'])]);
  onTestFinished(() => sqlite.close());
  return new SpannerMigrationTarget({
    admin,
    databasePath: 'projects/p/instances/i/databases/d',
    database: {
      read: async () => [] as never, // nothing has been applied
      write: (fn) => sqlite.write(fn),
      serverTime: async () => 0,
    },
    clock: parts.clock ?? new FakeClock(),
    log: parts.log ?? silentLog,
  });
}

async function apply(known: Parameters<typeof adminWith>[0]): Promise<string[]> {
  const { admin, started } = adminWith(known);
  expect(await targetOf(admin).applyNext(() => MIGRATION)).toBe(MIGRATION);
  return started;
}

/** Each change takes so many seconds, and fails in the end where there is an error. */
function slowAdmin(clock: FakeClock, seconds: number, error?: Error) {
  const endsAt = new Map<string, number>();
  const looks: number[] = [];
  const look = (path: string): SchemaOperation => {
    const leftMs = (endsAt.get(path.split('/').at(-1) ?? '') ?? 0) - clock.now();
    if (leftMs <= 0) return { done: true, ...(error ? { error } : {}) };
    const progressPercent = 100 - leftMs / seconds / 10;
    return { metadata: { progress: [{ progressPercent: 100 }, { progressPercent }] } };
  };
  const admin: SchemaAdmin = {
    async updateDatabaseDdl({ operationId }) {
      endsAt.set(operationId, clock.now() + seconds * 1000);
      return [look(operationId)];
    },
    async checkUpdateDatabaseDdlProgress(path) {
      looks.push(clock.now());
      return look(path);
    },
  };
  // Each wait lets time go by.
  const now = (): number => clock.now();
  const passing: Clock = { now, monotonicMs: now, sleep: async (ms) => clock.advance(ms) };
  return { admin, looks, clock: passing };
}

test('a change that has not been made is made under the migration’s name', async () => {
  expect(await apply({})).toEqual(['applied_migrations', NAME]);
});

test('a change that another process has made is not repeated', async () => {
  expect(await apply({ applied_migrations: 'succeeded', [NAME]: 'succeeded' })).toEqual([]);
});

test('a change that failed is tried again under another name', async () => {
  const known = {
    applied_migrations: 'succeeded',
    [NAME]: 'failed',
    [`${NAME}_2`]: 'failed',
  } as const;
  expect(await apply(known)).toEqual([`${NAME}_3`]);
});

test('a change that takes long reports its progress now and then', async () => {
  const log = new RecordingLog();
  const { admin, clock, looks } = slowAdmin(new FakeClock(), 60);
  await targetOf(admin, { clock, log }).applyNext(() => MIGRATION);
  const lines = log.lines.map(({ message, fields }) => ({ message, ...fields }));
  const ofMigration = lines.slice(lines.findIndex(({ message }) => message.startsWith('applying')));
  expect(ofMigration[0]).toEqual({ message: 'applying a migration', migration: '0001_tasks' });
  expect(ofMigration.at(-1)).toMatchObject({ message: 'applied a migration', by: 'this process' });
  const percents = ofMigration.slice(1, -1).map((line) => Number(Object(line).percent));
  expect(percents.length).toBeGreaterThanOrEqual(4);
  expect(percents.length).toBeLessThanOrEqual(6);
  expect(percents).toEqual(percents.toSorted((a, b) => a - b));
  expect(percents[0]).toBeGreaterThan(50);
  // Two changes of a minute each, and a look at least every five seconds.
  expect(looks.length).toBeLessThan(60);
});

test('a change that finally fails makes the migration fail', async () => {
  const error = Object.assign(new Error('9 FAILED_PRECONDITION: no'), { code: 9 });
  const { admin, clock } = slowAdmin(new FakeClock(), 1, error);
  const applied = targetOf(admin, { clock }).applyNext(() => MIGRATION);
  await expect(applied).rejects.toMatchObject({ code: 'failed-precondition', message: 'no' });
});
