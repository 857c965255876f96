import { int } from '../../src/storage/column.ts';
import type { Database } from '../../src/storage/database.ts';
import { sql } from '../../src/storage/sql.ts';
import { table } from '../../src/storage/table.ts';

export const numbers = table('numbers', { n: int }, ['n']);

export async function createNumbers(db: Database): Promise<void> {
  await db.migrate();
  await db.statement(sql`CREATE TABLE IF NOT EXISTS ${numbers} (n bigint PRIMARY KEY)`, {});
}
