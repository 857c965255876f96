/** Describes each database as a server process finds it: by its environment. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  eachDatabase,
  openTestPostgres,
  openTestSpanner,
  testPostgresUrl,
  testSchema,
  testSpannerHost,
} from './support/databases/databases.ts';
import { testDatabaseUrl } from './support/spanner/spanner-admin.ts';

/** Settings of a server, as variables of its environment. */
export type ServerDatabase = Readonly<Record<'POSTLUDE_DATABASE', string>> &
  Readonly<Record<string, string>>;

/** Describes `suite` once on each database; `open` returns a fresh one, which is not migrated. */
export function eachServerDatabase(
  suite: (open: () => Promise<ServerDatabase>, name: string) => void,
): void {
  eachDatabase((_open, name) => suite(() => openServerDatabase(name), name));
}

/** True on a database of that kind: `pglite`, `postgres` or `spanner`. */
export async function openServerDatabase(name: string): Promise<ServerDatabase> {
  const schema = testSchema();
  const options = { schema, migrated: false };
  if (name === 'postgres') {
    await openTestPostgres(options);
    return { POSTLUDE_DATABASE: testPostgresUrl(), POSTLUDE_SCHEMA: schema };
  }
  if (name === 'spanner') {
    await openTestSpanner(options);
    const SPANNER_EMULATOR_HOST = testSpannerHost();
    return { POSTLUDE_DATABASE: testDatabaseUrl(schema), SPANNER_EMULATOR_HOST };
  }
  const folder = await mkdtemp(join(tmpdir(), 'postlude-data-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return { POSTLUDE_DATABASE: `pglite:${join(folder, 'data')}` };
}
