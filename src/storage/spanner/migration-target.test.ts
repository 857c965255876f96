/** What the emulator does not do: keep operations that failed, under the name that they bore. */
import { expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../log.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { SqliteDatabase } from '../../testing/sqlite-database.ts';
import { int, text, timestamp } from '../column.ts';
import { parseMigration } from '../migrator.ts';
import { table } from '../table.ts';
import { type SchemaAdmin, SpannerMigrationTarget } from './migration-target.ts';

const MIGRATION = parseMigration('0001_tasks.sql', 'CREATE TABLE IF NOT EXISTS t (id INT64)');
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
      return [{ on: () => undefined, promise: async () => undefined }];
    },
    async checkUpdateDatabaseDdlProgress(path) {
      const hasFailed = known[path.split('/').at(-1) ?? ''] === 'failed';
      return { done: true, ...(hasFailed ? { error: new Error('it failed') } : {}) };
    },
  };
  return { admin, started };
}

async function apply(known: Parameters<typeof adminWith>[0]): Promise<string[]> {
  const columns = { number: int, name: text, checksum: text, appliedAt: timestamp };
  const sqlite = new SqliteDatabase([table('schema_migrations', columns, ['number'])]);
  onTestFinished(() => sqlite.close());
  const { admin, started } = adminWith(known);
  const target = new SpannerMigrationTarget({
    admin,
    databasePath: 'projects/p/instances/i/databases/d',
    database: {
      read: async () => [] as never, // nothing has been applied
      write: (fn) => sqlite.write(fn),
      serverTime: async () => 0,
    },
    clock: new FakeClock(),
    log: silentLog,
  });
  expect(await target.applyNext(() => MIGRATION)).toBe(MIGRATION);
  return started;
}

test('a change that nobody has made is made under the migration’s name', async () => {
  expect(await apply({})).toEqual(['schema_migrations', NAME]);
});

test('a change that another process has made is not made again', async () => {
  expect(await apply({ schema_migrations: 'succeeded', [NAME]: 'succeeded' })).toEqual([]);
});

test('a change that failed is tried again under another name', async () => {
  const known = {
    schema_migrations: 'succeeded',
    [NAME]: 'failed',
    [`${NAME}_2`]: 'failed',
  } as const;
  expect(await apply(known)).toEqual([`${NAME}_3`]);
});
