import { type Database, sql } from '@postlude/queue/storage';
import { accounts, notes, values } from './suite-tables.ts';

/** Creates the suite's tables on PostgreSQL. */
export async function createPostgresSuiteTables(database: Database): Promise<void> {
  await database.statement(
    sql`CREATE TABLE ${accounts} (owner text, number bigint, balance bigint NOT NULL, note text,
      PRIMARY KEY (owner, number))`,
    {},
  );
  await database.statement(
    sql`CREATE TABLE ${notes} (owner text COLLATE "C", number bigint, note text COLLATE "C",
      PRIMARY KEY (owner, number))`,
    {},
  );
  await database.statement(
    sql`CREATE INDEX suite_notes_by_text ON ${notes} (note, owner, number) WHERE note IS NOT NULL`,
    {},
  );
  await database.statement(
    sql`CREATE TABLE ${values} (id text PRIMARY KEY, a_text text, an_int bigint,
      a_float double precision, a_bool boolean, some_bytes bytea, a_time timestamptz,
      texts text[], ints bigint[], blobs bytea[])`,
    {},
  );
}
