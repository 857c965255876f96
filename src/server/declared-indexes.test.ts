import { expect, test } from 'vitest';
import { columnName, text } from '../storage/column.ts';
import { sql } from '../storage/sql.ts';
import { openTestSpanner, testSpannerHost } from '../testing/databases.ts';
import { COPIED_TABLES } from './copy-database.ts';

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
      return [table, ...columns.map((column) => column.columnName)].join(' ');
    });
    const declared = COPIED_TABLES.flatMap(({ name, indexes = [] }) =>
      indexes.map((columns) => [name, ...columns.map(columnName).toSorted()].join(' ')),
    );
    expect(declared.toSorted()).toEqual(inDatabase.toSorted());
  },
);
