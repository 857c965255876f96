import { columnName, loadMigrations, sql, text } from '@postlude/queue/storage';
import { expect, test } from 'vitest';
import { openTestSpanner, testSpannerHost } from '../../test/support/databases/databases.ts';
import { COPIED_TABLES } from '../copy/copy-database.ts';
import { POSTLUDE_MIGRATIONS } from '../migrations/migrations.ts';

// The test needs no database, so that an undeclared index shows wherever the tests run.
test('tables declare the indexes that the migrations of Spanner make', async () => {
  const migrations = await loadMigrations('spanner', [POSTLUDE_MIGRATIONS]);
  expect(declaredIndexes()).toEqual(migrations.flatMap((each) => indexesOf(each.text)).toSorted());
});

test.runIf(testSpannerHost() !== '')(
  'tables declare the indexes that Spanner counts mutations of',
  async () => {
    const db = await openTestSpanner();
    const rows = await db.read((tx) =>
      tx.query(
        sql`SELECT table_name, index_name, column_name FROM information_schema.index_columns
          WHERE table_schema = '' AND index_type = 'INDEX'
          ORDER BY table_name, index_name, column_name`,
        { tableName: text, indexName: text, columnName: text },
      ),
    );
    const indexes = Map.groupBy(rows, ({ tableName, indexName }) => `${tableName}.${indexName}`);
    const inDatabase = [...indexes].map(([name, columns]) => {
      const table = name.split('.', 1)[0] ?? '';
      return indexLine(
        table,
        columns.map((column) => column.columnName),
      );
    });
    expect(declaredIndexes()).toEqual(inDatabase.toSorted());
  },
);

function declaredIndexes(): string[] {
  return COPIED_TABLES.flatMap(({ name, indexes = [] }) =>
    indexes.map((columns) => indexLine(name, columns.map(columnName))),
  ).toSorted();
}

/** Of one migration: all that say INDEX, so that one written another way is not passed over. */
function indexesOf(migration: string): string[] {
  const statements = migration.replaceAll(/--.*/g, '').split(';');
  return statements.flatMap((statement) => {
    if (!/\bCREATE\b.*\bINDEX\b/s.test(statement)) return [];
    const [, table, key = '', stored = ''] =
      /\bON (\w+) \(([^)]+)\)(?: STORING \(([^)]+)\))?\s*$/.exec(statement.trim()) ?? [];
    if (!table) throw new Error(`an index that this test cannot read: ${statement}`);
    const columns = `${key},${stored}`
      .split(',')
      .map((column) => column.trim().split(' ')[0] ?? '');
    return [indexLine(table, columns.filter(Boolean))];
  });
}

function indexLine(table: string, columns: readonly string[]): string {
  return [table, ...columns.toSorted()].join(' ');
}
