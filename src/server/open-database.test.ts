import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type ErrorCode, silentLog, systemClock, toError } from '@postlude/queue/foundations';
import { int, table, text } from '@postlude/queue/storage';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  sharedSpannerAdmin,
  testSchema,
  testSpannerHost,
} from '../../test/support/databases/databases.ts';
import { GoogleServices } from '../../test/support/network/google-services.ts';
import { testDatabaseUrl } from '../../test/support/spanner/spanner-admin.ts';
import { explainTrouble } from './database-trouble.ts';
import { openReadyDatabase } from './open-database.ts';

const parts = { log: silentLog, clock: systemClock };

function configOf(name: string, emulatorHost = testSpannerHost()) {
  return {
    database: { kind: 'spanner', url: testDatabaseUrl(name) },
    schema: 'postlude',
    databaseConnections: 4,
    spannerEmulatorHost: emulatorHost,
    autoMigrate: true,
  } as const;
}

async function createDatabase(): Promise<string> {
  const name = testSchema();
  const admin = await sharedSpannerAdmin();
  await admin.createDatabase(name);
  onTestFinished(() => admin.dropDatabase(name));
  return name;
}

describe.skipIf(testSpannerHost() === '')('Cloud Spanner', () => {
  test('is migrated where the configuration allows it, else refused while it lacks something', async () => {
    const config = configOf(await createDatabase());
    const refused = openReadyDatabase({ ...config, autoMigrate: false }, parts);
    await expect(refused).rejects.toMatchObject({ code: 'schema-too-old' });
    await (await openReadyDatabase(config, parts)).close();
    await (await openReadyDatabase({ ...config, autoMigrate: false }, parts)).close();
  });

  test('that a newer version has migrated is refused', async () => {
    const config = configOf(await createDatabase());
    const database = await openReadyDatabase(config, parts);
    const columns = { setName: text, number: int, name: text, checksum: text };
    const applied = table('applied_migrations', columns, ['setName', 'number']);
    const future = { setName: '@postlude/queue', number: 9999, name: '9999_future', checksum: 'x' };
    await database.write((tx) => tx.insert(applied, [future]));
    await database.close();
    await expect(openReadyDatabase(config, parts)).rejects.toMatchObject({
      code: 'schema-too-new',
    });
  });

  test('of a wrong name is not-found, and the error says which', async () => {
    const opened = openReadyDatabase(configOf('nowhere'), parts);
    await expect(opened).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('databases/nowhere of Cloud Spanner: Database not found'),
    });
  });
});

test('Cloud Spanner that cannot be reached is unavailable', async () => {
  const opened = openReadyDatabase(configOf('results', '127.0.0.1:9'), parts);
  await expect(opened).rejects.toMatchObject({ code: 'unavailable' });
});

test('Cloud Spanner that lets nobody in is permission-denied', async () => {
  const services = await GoogleServices.start();
  services.answer = 'PERMISSION_DENIED';
  const opened = openReadyDatabase(configOf('results', services.host), parts);
  await expect(opened).rejects.toMatchObject({
    code: 'permission-denied',
    message: expect.stringContaining('databases/results of Cloud Spanner: it is PERMISSION_DENIED'),
  });
});

const common = { schema: 'postlude', databaseConnections: 1, autoMigrate: true } as const;

function openPostgres(url: string) {
  const database = { kind: 'postgres', url } as const;
  return openReadyDatabase({ ...common, database, spannerEmulatorHost: undefined }, parts);
}

test('PostgreSQL that cannot be reached is named, without its passwords', async () => {
  const error = await openPostgres(
    'postgres://ci:s3cret@127.0.0.1:9/results?password=s3cret',
  ).catch(toError);
  expect(error).toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(
      /^cannot open postgres:\/\/ci@127\.0\.0\.1:9\/results: .*ECONNREFUSED.*; start it, or correct/,
    ),
  });
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('s3cret');
});

test('a URL that is none is not repeated, as it may hold a password', async () => {
  const error = await openPostgres('postgres://ci:s3cret@127.0.0.1:port/results').catch(toError);
  expect(error).toMatchObject({ message: expect.stringContaining('cannot open the PostgreSQL') });
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('s3cret');
});

test('a folder that PGlite cannot open is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const data = join(folder, 'data');
  await mkdir(data);
  await writeFile(join(data, 'PG_VERSION'), 'not one\n');
  const database = { kind: 'pglite', folder: data } as const;
  const config = { ...common, database, spannerEmulatorHost: undefined };
  await expect(openReadyDatabase(config, parts)).rejects.toMatchObject({
    code: 'failed-precondition',
    message: expect.stringMatching(
      /^cannot open pglite:.*data: PGlite failed to initialize.*; its data is damaged/,
    ),
  });
});

test.each<[string, ErrorCode, string]>([
  ['EMFILE', 'resource-exhausted', 'too many files are open'],
  ['ENFILE', 'resource-exhausted', 'too many files are open'],
  ['ENOSPC', 'resource-exhausted', 'the disk is full'],
  ['ENOMEM', 'resource-exhausted', 'not enough memory'],
  ['EACCES', 'permission-denied', 'may not read and write there'],
  ['EROFS', 'failed-precondition', 'the disk is read-only'],
])(
  '%s at the start of an embedded database is told as such, and not as damage',
  (name, code, words) => {
    const database = { kind: 'pglite', folder: '/srv/data' } as const;
    const thrown = Object.assign(new Error(`${name}: open`), { code: name });
    const error = explainTrouble(database, thrown);
    expect(error).toMatchObject({ code, message: expect.stringContaining(`/srv/data: `) });
    expect(error.message).toContain(words);
    expect(error.message).not.toContain('damaged');
  },
);
