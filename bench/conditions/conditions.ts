/**
 * Describes the conditions of a bench: the machine and how busy it was, versions, and the settings of the
 * PostgreSQL server as the server itself reports them. Every line of JSON that a bench prints has them.
 */
import { readFileSync, statfsSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

export interface Conditions {
  readonly machine: {
    readonly cores: number;
    readonly cpu: string;
    readonly memory_gb: number;
    /** The one-minute load average before the bench, and after it. */
    readonly load: readonly [number, number];
  };
  readonly versions: Readonly<Record<string, string>>;
  /** Absent if no PostgreSQL server took part. */
  readonly postgres?: PostgresConditions;
}

export interface PostgresConditions {
  /** True if acknowledged writes are flushed to a disk, and so survive a crash of the machine. */
  readonly durable: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

/** The settings that figures depend on most, besides those that the server was started with. */
const SETTINGS = [
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_sync_method',
  'shared_buffers',
  'max_wal_size',
  'autovacuum',
  'enable_seqscan',
];
const DURABILITY = ['fsync', 'synchronous_commit', 'full_page_writes'];
/** Types of file systems that flush to memory: tmpfs and ramfs. */
const IN_MEMORY = [0x01021994, 0x858458f6];
const OF_THE_PLACE = ['data_directory', 'listen_addresses', 'port', 'unix_socket_directories'];

const loadBefore = load();

/** Includes the conditions of the server at `url`, if one took part. */
export async function readConditions(url?: string): Promise<Conditions> {
  const server = url === undefined ? undefined : await readServer(url);
  return {
    machine: {
      cores: cpus().length,
      cpu: cpus()[0]?.model ?? 'unknown',
      memory_gb: Math.round(totalmem() / 2 ** 30),
      load: [loadBefore, load()],
    },
    versions: {
      node: process.versions.node,
      pglite: versionOf('@electric-sql/pglite'),
      ...(server && { postgres: server.version }),
    },
    ...(server && { postgres: server.postgres }),
  };
}

async function readServer(url: string): Promise<{ version: string; postgres: PostgresConditions }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; value: string }>(
      `SELECT name, current_setting(name) AS value FROM pg_settings
        WHERE (name = ANY($1) OR source = 'command line') AND name <> ALL($2) ORDER BY name`,
      [SETTINGS, OF_THE_PLACE],
    );
    const settings = Object.fromEntries(rows.map(({ name, value }) => [name, value]));
    const [place] = (
      await client.query<{ version: string; folder: string }>(
        `SELECT current_setting('server_version') AS version,
        current_setting('data_directory') AS folder`,
      )
    ).rows;
    const isInMemory = IN_MEMORY.includes(statfsSync(place?.folder ?? '').type);
    const durable = !isInMemory && DURABILITY.every((name) => settings[name] === 'on');
    return { version: place?.version ?? 'unknown', postgres: { durable, settings } };
  } finally {
    await client.end();
  }
}

function versionOf(name: string): string {
  const file = join(import.meta.dirname, '../../node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function load(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}
