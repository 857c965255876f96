import type { Database } from '@postlude/queue/storage';
import { sharedSpannerAdmin } from '../databases/databases.ts';

/** Creates the suite's tables on Spanner. A schema is a database of its own there. */
export async function createSpannerSuiteTables(_: Database, schema: string): Promise<void> {
  const admin = await sharedSpannerAdmin();
  await admin.runDdl(schema, [
    `CREATE TABLE suite_accounts (owner STRING(MAX) NOT NULL, number INT64 NOT NULL,
      balance INT64 NOT NULL, note STRING(MAX)) PRIMARY KEY (owner, number)`,
    `CREATE TABLE suite_notes (owner STRING(MAX) NOT NULL, number INT64 NOT NULL,
      note STRING(MAX)) PRIMARY KEY (owner, number)`,
    `CREATE NULL_FILTERED INDEX suite_notes_by_text ON suite_notes (note, owner, number)`,
    `CREATE TABLE suite_values (id STRING(MAX) NOT NULL, a_text STRING(MAX), an_int INT64,
      a_float FLOAT64, a_bool BOOL, some_bytes BYTES(MAX), a_time TIMESTAMP,
      texts ARRAY<STRING(MAX)>, ints ARRAY<INT64>, blobs ARRAY<BYTES(MAX)>) PRIMARY KEY (id)`,
  ]);
}
