/** Repeatedly kills a copy from one database to another with SIGKILL. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { silentLog, systemClock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { copyDatabase } from '../../src/copy/copy-database.ts';
import { loadConfig } from '../../src/server/config/config.ts';
import { openReadyDatabase } from '../../src/server/open-database.ts';
import { openServerDatabase, type ServerDatabase } from '../server-databases.ts';
import { testPostgresUrl, testSpannerHost } from '../support/databases/databases.ts';
import { fillSource, SOURCE_ROWS } from '../support/server/copy-source.ts';

const SCRIPT = join(import.meta.dirname, 'copy-process.ts');
/** The very first page, a page of the results, and one near the end. */
const KILLS = [1, 4, 5];

const available = {
  pglite: true,
  postgres: testPostgresUrl() !== '',
  spanner: testSpannerHost() !== '',
};
const pairs = [
  ['pglite', 'postgres'],
  ['postgres', 'spanner'],
  ['spanner', 'pglite'],
] as const;

async function withDatabase<T>(env: ServerDatabase, fn: (db: Database) => Promise<T>): Promise<T> {
  const config = await loadConfig({ flags: {}, env, cwd: process.cwd() });
  const database = await openReadyDatabase(config, { log: silentLog, clock: systemClock });
  try {
    return await fn(database);
  } finally {
    await database.close();
  }
}

async function copyUntilKilled(nth: number, from: ServerDatabase, to: ServerDatabase) {
  const args = [SCRIPT, String(nth), JSON.stringify(from), JSON.stringify(to)];
  const child = spawn(process.execPath, args);
  const [err, [, signal]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect({ err, signal }).toEqual({ err: '', signal: 'SIGKILL' });
}

describe.each(pairs.filter(([from, to]) => available[from] && available[to]))(
  '%s to %s',
  (...names) => {
    test('is complete once another process has continued it', async () => {
      const [from, to] = await Promise.all(names.map(openServerDatabase));
      if (!from || !to) throw new Error('two databases are needed');
      await withDatabase(from, fillSource);
      for (const nth of KILLS) await copyUntilKilled(nth, from, to);
      const { signal } = new AbortController();
      const tables = await withDatabase(from, (source) =>
        withDatabase(to, (target) =>
          copyDatabase({ from: source, to: target, signal, pageRows: 2 }),
        ),
      );
      const rows = Object.fromEntries(tables.map(({ table, to: { rows } }) => [table, rows]));
      expect(rows).toEqual(SOURCE_ROWS);
      expect(tables.filter(({ isSame }) => !isSame)).toEqual([]);
      const copied = tables.reduce((sum, table) => sum + table.copied, 0);
      expect(copied).toBeLessThan(Object.values(SOURCE_ROWS).reduce((sum, count) => sum + count));
    });
  },
);
