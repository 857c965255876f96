/**
 * Migrations: numbered files, in sets. The queue has a set of its own, and a program that keeps tables
 * beside the queue's adds its set, so that `migrate()` brings both to their versions.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';

export interface MigrationSet {
  /** The name under which the database records the set. Sets that share a schema have different names. */
  readonly name: string;
  /** The folders of its files, `0001_noun.sql` and so on, for each kind of database. */
  readonly folders: Readonly<Record<DatabaseKind, URL>>;
}

export type DatabaseKind = 'postgres' | 'spanner';

export interface Migration {
  readonly setName: string;
  readonly number: number;
  /** The file's name without `.sql`: `0001_tasks`. */
  readonly name: string;
  readonly text: string;
  /** The SHA-256 of the text, without regard to line endings and outer white space. */
  readonly checksum: string;
}

const QUEUE_MIGRATIONS: MigrationSet = {
  name: '@postlude/queue',
  folders: {
    postgres: new URL('./postgres/migrations/', import.meta.url),
    spanner: new URL('./spanner/migrations/', import.meta.url),
  },
};

/** Reads the migrations of the queue, and then those of `sets`, each set in the order of its numbers. */
export async function loadMigrations(
  kind: DatabaseKind,
  sets: readonly MigrationSet[] = [],
): Promise<Migration[]> {
  const all = [QUEUE_MIGRATIONS, ...sets];
  const twice = all.find(({ name }, index) => all.findIndex((set) => set.name === name) !== index);
  if (twice) throw new Error(`two sets of migrations are named ${twice.name}`);
  return (await Promise.all(all.map((set) => loadSet(set, kind)))).flat();
}

async function loadSet({ name: setName, folders }: MigrationSet, kind: DatabaseKind) {
  const folder = folders[kind];
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const migrations = await Promise.all(
    names.map(async (name) =>
      parseMigration(setName, name, await readFile(new URL(name, folder), 'utf8')),
    ),
  );
  const twice = migrations.find(({ number }, index) => migrations[index + 1]?.number === number);
  if (twice) throw new Error(`two migrations of ${setName} have the number of ${twice.name}`);
  return migrations;
}

export function parseMigration(setName: string, fileName: string, text: string): Migration {
  const match = /^(\d{4})_[a-z0-9_-]+\.sql$/.exec(fileName);
  if (!match)
    throw new Error(`the name of a migration must be like 0001_noun.sql, not ${fileName}`);
  const normalized = text.replaceAll('\r\n', '\n').trim();
  const checksum = createHash('sha256').update(normalized).digest('hex');
  return {
    setName,
    number: Number(match[1]),
    name: fileName.slice(0, -'.sql'.length),
    text,
    checksum,
  };
}
