import { type Database, int, sql, table } from '@postlude/queue/storage';

export const numbers = table('numbers', { n: int }, ['n']);

export async function createNumbers(db: Database): Promise<void> {
  await db.migrate();
  await db.statement(sql`CREATE TABLE IF NOT EXISTS ${numbers} (n bigint PRIMARY KEY)`, {});
}
