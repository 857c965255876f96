/** Explains why the configured database cannot be opened, and what to do. Never shows a password. */
import { CodedError, hasCode, toError } from '@postlude/queue/foundations';
import { systemTrouble } from '@postlude/queue/pglite';
import type { DatabaseLocation } from './config/setting-values.ts';

/** Returns the error unchanged if its message names the database; otherwise wraps it, keeping its code. */
export function explainTrouble(database: DatabaseLocation, thrown: unknown): Error {
  const error =
    (database.kind === 'pglite' ? systemTrouble(database.folder, thrown) : undefined) ??
    toError(thrown);
  if (saysEnough(database, error)) return error;
  const code = error instanceof CodedError ? error.code : 'failed-precondition';
  const message = `cannot open ${nameDatabase(database)}: ${error.message}${whatToDo(database, error)}`;
  return new CodedError(code, message, { cause: error });
}

/** Schema errors name the migrations, Spanner's errors name the database, and lock errors name the folder. */
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

/** Leaves out the parameters of the URL as well, since they may contain passwords. */
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
    return '; its data is damaged, or belongs to another program: restore a copy, or name another folder in the setting "database"';
  }
  return '';
}
