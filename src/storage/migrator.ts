/**
 * Migrates a schema to this version, one numbered file after the other, each in a transaction that also
 * records it. A process holds a lock while it applies one, so any number of processes may start at once.
 * A schema that a newer version has migrated is refused.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { CodedError } from '../errors.ts';

export interface Migration {
  readonly number: number;
  /** The file's name without `.sql`: `0001_tasks`. */
  readonly name: string;
  readonly text: string;
  /** The SHA-256 of the text, without regard to line endings and outer white space. */
  readonly checksum: string;
}

/** A migration as the database remembers it. */
export interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

export interface MigrationTarget {
  /** Returns the applied migrations by number; none if nothing has been migrated yet. */
  applied(): Promise<readonly AppliedMigration[]>;
  /**
   * Locks the schema, calls `next` with what has been applied, runs the migration that `next` returns, and
   * records it, all in one transaction. Returns that migration.
   */
  applyNext(
    next: (applied: readonly AppliedMigration[]) => Migration | undefined,
  ): Promise<Migration | undefined>;
}

/** Applies the missing migrations, and returns their names. */
export async function migrate(
  target: MigrationTarget,
  migrations: readonly Migration[],
): Promise<string[]> {
  // A role that may not create anything can still find that there is nothing to do.
  if (pending(await target.applied(), migrations).length === 0) return [];
  const names: string[] = [];
  while (true) {
    const done = await target.applyNext((applied) => pending(applied, migrations)[0]);
    if (!done) return names;
    names.push(done.name);
  }
}

/** Throws unless all migrations have been applied, and no others. */
export async function checkSchema(
  target: Pick<MigrationTarget, 'applied'>,
  migrations: readonly Migration[],
): Promise<void> {
  const missing = pending(await target.applied(), migrations);
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(', ');
  throw new CodedError('schema-too-old', `the database lacks ${names}: run \`postlude migrate\``);
}

/**
 * Returns the migrations still to apply. Throws `schema-too-new` if the database has one that is not among
 * ours.
 */
export function pending(
  applied: readonly AppliedMigration[],
  migrations: readonly Migration[],
): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.number, migration]));
  for (const { number, name, checksum } of applied) {
    const migration = known.get(number);
    if (!migration) {
      throw new CodedError(
        'schema-too-new',
        `the database has migration ${name}, which this version does not know: upgrade postlude`,
      );
    }
    if (migration.checksum !== checksum) {
      throw new CodedError(
        'failed-precondition',
        `migration ${migration.name} has changed since it was applied: restore the file, and put the change into a new migration`,
      );
    }
  }
  const done = new Set(applied.map(({ number }) => number));
  return migrations.filter(({ number }) => !done.has(number));
}

/** Reads a folder of files named `0001_noun.sql`, in the order of their numbers. */
export async function loadMigrations(folder: URL): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const migrations = await Promise.all(
    names.map(async (name) => parseMigration(name, await readFile(new URL(name, folder), 'utf8'))),
  );
  const twice = migrations.find(({ number }, index) => migrations[index + 1]?.number === number);
  if (twice) throw new Error(`two migrations have the number of ${twice.name}`);
  return migrations;
}

export function parseMigration(fileName: string, text: string): Migration {
  const match = /^(\d{4})_[a-z0-9_-]+\.sql$/.exec(fileName);
  if (!match)
    throw new Error(`the name of a migration must be like 0001_noun.sql, not ${fileName}`);
  const normalized = text.replaceAll('\r\n', '\n').trim();
  const checksum = createHash('sha256').update(normalized).digest('hex');
  return { number: Number(match[1]), name: fileName.slice(0, -'.sql'.length), text, checksum };
}
