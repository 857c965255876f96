/**
 * Migrates a schema to this version, one numbered file after the other, each in a transaction that also
 * records it. A process holds a lock while it applies one, so any number of processes may start at once.
 * A schema that a newer version has migrated is refused. Sets of migrations that a program does not know
 * belong to other programs, and are left alone.
 */
import { CodedError } from '../foundations/errors.ts';
import type { Migration } from './migrations.ts';

/** A migration as the database remembers it. */
export type AppliedMigration = Omit<Migration, 'text'>;

export interface MigrationTarget {
  /** Returns the applied migrations, by set and number; none if nothing has been migrated yet. */
  applied(): Promise<readonly AppliedMigration[]>;
  /**
   * Locks the schema, calls `next` with what has been applied, runs the migration that `next` returns, and
   * records it, all in one transaction. Returns that migration.
   */
  applyNext(
    next: (applied: readonly AppliedMigration[]) => Migration | undefined,
  ): Promise<Migration | undefined>;
  /**
   * Records those of `migrations` as applied that the table of earlier versions, `schema_migrations`, has.
   * It knew no sets and counted all files together, so migrations are known by the noun in their names.
   */
  adopt(migrations: readonly Migration[]): Promise<void>;
}

/** What is left in `schema_migrations`: earlier versions do not know it, and refuse to start. */
export const MOVED = {
  number: 9_999,
  name: '9999_moved_to_applied_migrations',
  checksum: '',
} as const;

/** Applies the missing migrations, and returns their names. */
export async function migrate(
  target: MigrationTarget,
  migrations: readonly Migration[],
): Promise<string[]> {
  // A role that may not create anything can still find that there is nothing to do.
  if (pending(await target.applied(), migrations).length === 0) return [];
  await target.adopt(migrations);
  const names: string[] = [];
  while (true) {
    const done = await target.applyNext((applied) => pending(applied, migrations)[0]);
    if (!done) return names;
    names.push(done.name);
  }
}

/** Throws unless all migrations have been applied, and no others of their sets. */
export async function checkSchema(
  target: Pick<MigrationTarget, 'applied'>,
  migrations: readonly Migration[],
): Promise<void> {
  const missing = pending(await target.applied(), migrations);
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(', ');
  throw new CodedError(
    'schema-too-old',
    `the database lacks ${names}: run \`postlude migrate\`, or call \`migrate()\` of the database`,
  );
}

/**
 * Returns the migrations still to apply. Throws `schema-too-new` if the database has one of their sets that
 * is not among them.
 */
export function pending(
  applied: readonly AppliedMigration[],
  migrations: readonly Migration[],
): Migration[] {
  const sets = new Set(migrations.map(({ setName }) => setName));
  const known = new Map(migrations.map((migration) => [keyOf(migration), migration]));
  const ours = applied.filter(({ setName }) => sets.has(setName));
  for (const done of ours) requireSame(done, known.get(keyOf(done)));
  const done = new Set(ours.map(keyOf));
  return migrations.filter((migration) => !done.has(keyOf(migration)));
}

function requireSame(applied: AppliedMigration, migration: Migration | undefined): void {
  if (!migration) {
    throw new CodedError(
      'schema-too-new',
      `the database has migration ${applied.name}, which this version does not know: upgrade ${applied.setName}`,
    );
  }
  if (migration.checksum !== applied.checksum) {
    throw new CodedError(
      'failed-precondition',
      `migration ${migration.name} has changed since it was applied: restore the file, and put the change into a new migration`,
    );
  }
}

/** Returns those of `migrations` that have the noun of one of the names: `tq` in `0005_tq`. */
export function withNounsOf(
  names: readonly string[],
  migrations: readonly Migration[],
): Migration[] {
  const noun = (name: string): string => name.replace(/^\d+_/, '');
  const nouns = new Set(names.map(noun));
  return migrations.filter(({ name }) => nouns.has(noun(name)));
}

function keyOf({ setName, number }: AppliedMigration): string {
  return `${setName} ${number}`;
}
