/**
 * Starts the PostgreSQL server of a bench. It keeps everything that it acknowledges, as a server in use
 * does; only `--unsafe-fast` starts one that does not, and the line that the bench prints says which it was.
 */
import {
  fastSettings,
  type PostgresServer,
  startPostgres,
} from '../../test/support/databases/postgres-server.ts';

/** The options that every bench on PostgreSQL has. */
export const SERVER_OPTIONS = {
  'unsafe-fast': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

export interface BenchServerOptions {
  /** True if nothing is flushed, so that acknowledged writes may be lost with the machine. */
  readonly 'unsafe-fast': boolean;
}

const DURABLE: Readonly<Record<string, string>> = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
};

/** `settings` are added to those that the durability requires. */
export function startBenchServer(
  options: BenchServerOptions,
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  const durability = options['unsafe-fast'] ? fastSettings : DURABLE;
  return startPostgres({ settings: { ...durability, ...settings } });
}
