import { int, sql, table, text } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import type { OpenDatabase } from '../databases/databases.ts';

const applied = table(
  'applied_migrations',
  { setName: text, number: int, name: text, checksum: text },
  ['setName', 'number'],
);

/** The first migration of the queue, which every database has. */
const FIRST = { setName: '@postlude/queue', number: 1 } as const;

export function testSchema(open: OpenDatabase, newSchema: () => string): void {
  describe('the schema', () => {
    test('of a new database is too old, until it is migrated', async () => {
      const db = await open({ migrated: false });
      await expect(db.checkSchema()).rejects.toMatchObject({ code: 'schema-too-old' });
      const names = await db.migrate();
      expect(names.length).toBeGreaterThan(0);
      await db.checkSchema();
      expect(await db.migrate()).toEqual([]);
    });

    test('is migrated once, even by many at once', async () => {
      const schema = newSchema();
      const databases = await Promise.all(
        Array.from({ length: 4 }, () => open({ migrated: false, schema })),
      );
      const names = await Promise.all(databases.map((db) => db.migrate()));
      const [db] = databases;
      const stored = await db?.read((tx) =>
        tx.query(sql`SELECT name FROM ${applied}`, { name: text }),
      );
      expect(names.flat().toSorted()).toEqual(stored?.map(({ name }) => name).toSorted());
    });

    test('of a newer version is refused', async () => {
      const db = await open();
      await db.write((tx) =>
        tx.insert(applied, [{ ...FIRST, number: 9999, name: '9999_future', checksum: 'x' }]),
      );
      await expect(db.checkSchema()).rejects.toMatchObject({ code: 'schema-too-new' });
      await expect(db.migrate()).rejects.toThrow('9999_future');
    });

    test('is refused if a migration that made it has been edited since', async () => {
      const db = await open();
      await db.write((tx) => tx.update(applied, [{ ...FIRST, checksum: 'old' }]));
      await expect(db.checkSchema()).rejects.toMatchObject({ code: 'failed-precondition' });
      await expect(db.migrate()).rejects.toThrow('has changed');
    });

    test('two schemas of one server are independent', async () => {
      const [one, other] = [await open(), await open()];
      await one.write((tx) => tx.delete(applied, [FIRST]));
      await other.checkSchema();
    });
  });
}
