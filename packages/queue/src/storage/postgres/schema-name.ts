import { CodedError } from '../../foundations/errors.ts';

export const DEFAULT_SCHEMA = 'postlude';

/** The names that need no quotes, so that users can type them in psql. */
const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/** Throws `invalid-argument` for a name that PostgreSQL would cut or fold, or reserves. */
export function checkSchemaName(name: string): string {
  if (!SCHEMA_NAME.test(name) || name.startsWith('pg_')) {
    throw new CodedError(
      'invalid-argument',
      `${JSON.stringify(name)} cannot be a schema's name (a-z, 0-9 and _, at most 63, not pg_…)`,
    );
  }
  return name;
}
