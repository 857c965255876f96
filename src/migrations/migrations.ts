/**
 * The migrations of postlude's own tables, invocations, results and secrets, which come after those of the
 * queue. Pass them when you open a database: `openPostgres({ url, migrations: [POSTLUDE_MIGRATIONS] })`.
 */
import type { MigrationSet } from '@postlude/queue/storage';

export const POSTLUDE_MIGRATIONS: MigrationSet = {
  name: '@postlude/postlude',
  folders: {
    postgres: new URL('./postgres/', import.meta.url),
    spanner: new URL('./spanner/', import.meta.url),
  },
};
