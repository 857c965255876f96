/** Why the configured database cannot be had: which one it is, and what to do. Never a password. */
import { CodedError, hasCode, toError } from '../errors.ts';
import { systemTrouble } from '../storage/pglite/system-trouble.ts';
import type { DatabaseLocation } from './config/setting-values.ts';

/** With the code of `thrown`, `failed-precondition` where it has none; its message says enough else. */
export function explainTrouble(database: DatabaseLocation, thrown: unknown): Error {
  const error =
    (database.kind === 'pglite' ? systemTrouble(database.folder, thrown) : undefined) ??
    toError(thrown);
  if (saysEnough(database, error)) return error;
  const code = error instanceof CodedError ? error.code : 'failed-precondition';
  const message = `cannot open ${nameDatabase(database)}: ${error.message}${whatToDo(database, error)}`;
  return new CodedError(code, message, { cause: error });
}

/** Errors of the schema name its migrations, those of Spanner the database, a lock its folder. */
function saysEnough({ kind }: DatabaseLocation, error: Error): boolean {
  if (!(error instanceof CodedError)) return false;
  return kind !== 'postgres' || !hasCode(error, 'unavailable', 'misconfigured');
}

function nameDatabase(database: DatabaseLocation): string {
  switch (database.kind) {
    case 'memory':
      return 'memory:';
    case 'pglite':
      return `pglite:${database.folder}`;
    case 'postgres':
      return withoutSecrets(database.url);
    case 'spanner':
      return database.url;
  }
}

/** Parameters may hold passwords, too. */
function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return 'the PostgreSQL database that the configuration names';
  const { protocol, username, host, pathname } = new URL(url);
  return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`;
}

function whatToDo({ kind }: DatabaseLocation, error: Error): string {
  if (kind === 'postgres' && hasCode(error, 'unavailable')) {
    return '; start it, or correct the setting "database"';
  }
  if (kind === 'pglite') {
    return '; its data are damaged, or another program’s: restore a copy, or name another folder in the setting "database"';
  }
  return '';
}
