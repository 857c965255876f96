/**
 * The contract of storage/database.ts as tests, which every backend must pass. A backend calls the suite in
 * ten lines.
 */

import type { Database } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import type { OpenDatabase } from '../databases/databases.ts';
import { testCallbacks } from './callback-suite.ts';
import { testInserts } from './insert-suite.ts';
import { testKeyReads } from './key-read-suite.ts';
import { testNotifications } from './notification-suite.ts';
import { testReads } from './read-suite.ts';
import { testSchema } from './schema-suite.ts';
import type { OpenSuiteDatabase } from './suite-tables.ts';
import { testValues } from './value-suite.ts';
import { testWrites } from './write-suite.ts';

export interface SuiteBackend {
  /** Opens a migrated database in a schema of its own. */
  readonly open: OpenDatabase;
  readonly newSchema: () => string;
  /** Creates the tables of suite-tables.ts in the database's schema, which has this name. */
  readonly createTables: (database: Database, schema: string) => Promise<void>;
}

/** Checks that a backend keeps the contract. */
export function testDatabase(name: string, backend: SuiteBackend): void {
  const open: OpenSuiteDatabase = async (options) => {
    const schema = options?.schema ?? backend.newSchema();
    const database = await backend.open({ ...options, schema });
    await backend.createTables(database, schema);
    return database;
  };
  describe(`${name} as a database`, () => {
    testWrites(open);
    testInserts(open);
    testCallbacks(open);
    testReads(open);
    testKeyReads(open);
    testValues(open);
    testNotifications(open);
    testSchema(backend.open, backend.newSchema);

    test('returns the time of its server', async () => {
      const db = await open();
      const first = await db.serverTime();
      const second = await db.serverTime();
      expect(second).toBeGreaterThanOrEqual(first);
      expect(new Date(first).getUTCFullYear()).toBeGreaterThan(2020);
    });

    test('may be closed more than once', async () => {
      const db = await open();
      await db.close();
      await db.close();
    });
  });
}
