import { afterEach, expect, test, vi } from 'vitest';
import {
  testPostgresUrl,
  testSchema,
  withTestClient,
} from '../test/support/databases/databases.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.resetModules();
});

async function linesOfExample(databaseUrl: string): Promise<unknown[][]> {
  vi.stubEnv('DATABASE_URL', databaseUrl);
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await import('./queue.ts');
  return log.mock.calls;
}

const ONE_LETTER = [['attempt 1: a letter to ada@example.com']];

test('the queue example sends its letter once, and ends', async () => {
  expect(await linesOfExample('')).toEqual(ONE_LETTER);
});

test.runIf(testPostgresUrl() !== '')('it does so on PostgreSQL, too', async () => {
  const name = testSchema();
  await withTestClient((client) => client.query(`CREATE DATABASE ${name}`));
  const url = new URL(testPostgresUrl());
  url.pathname = `/${name}`;
  try {
    expect(await linesOfExample(url.href)).toEqual(ONE_LETTER);
  } finally {
    await withTestClient((client) => client.query(`DROP DATABASE ${name}`));
  }
});
