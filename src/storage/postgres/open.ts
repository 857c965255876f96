/** Opens PostgreSQL by the driver `pg`, which is loaded only here. */
import type { PoolConfig } from 'pg';
import type { Clock } from '../../clock.ts';
import { CodedError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { silentLog } from '../../log.ts';
import { loadOptional } from '../../optional-package.ts';
import type { Random } from '../../random.ts';
import type { Database } from '../database.ts';
import { openConnections } from './connections/connections.ts';
import { StatementNames } from './connections/statement-names.ts';
import { PostgresDatabase } from './database.ts';
import { checkSchemaName, DEFAULT_SCHEMA } from './schema-name.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`; the variables PGHOST… where it is left out. */
  readonly url?: string;
  /** Options of `pg`'s pool: TLS, passwords as functions, timeouts. */
  readonly pool?: PoolConfig;
  /** Where the tables live: `postlude` unless given. */
  readonly schema?: string;
  /** How many transactions at once: 10 unless given. Listening takes one connection more. */
  readonly maxConnections?: number;
  /**
   * Set to false behind a pooler that gives each transaction another connection and does not know
   * prepared statements (PgBouncer before 1.21). Costs about a third of the speed of small queries.
   */
  readonly preparedStatements?: boolean;
  /**
   * How long one statement may take, in milliseconds: 30,000 unless given, 0 for ever. The server ends
   * it then, and where nothing is heard of the server two seconds later the connection is given up:
   * `unavailable`, or `outcome-unknown` where it may have landed. It holds for each page of a stream,
   * and not for migrations.
   */
  readonly statementTimeoutMs?: number;
  /** How often who listens asks whether the server is still there: every 10 s unless given. */
  readonly probeEveryMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

const DEFAULT_MAX_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_STATEMENT_TIMEOUT_MS = 30_000;

/**
 * Opens a database on a PostgreSQL server (version 14 or later). Connects when first used, so a
 * server that is away shows itself as `unavailable` then. Call `migrate()` before first use.
 * Throws an error that names the package to install where `pg` is missing.
 */
export async function openPostgres(options: PostgresOptions = {}): Promise<Database> {
  const schema = checkSchemaName(options.schema ?? DEFAULT_SCHEMA);
  const maxConnections = options.maxConnections ?? options.pool?.max ?? DEFAULT_MAX_CONNECTIONS;
  const log = options.log ?? silentLog;
  const connections = openConnections({
    driver: await loadDriver(),
    pool: poolConfig(options, maxConnections),
    names: options.preparedStatements === false ? undefined : new StatementNames(),
    limitMs: statementLimitMs(options),
    onIdleError: (error) => log.warn('lost an idle connection to PostgreSQL', { error }),
  });
  return new PostgresDatabase({ ...options, connections, maxConnections, schema });
}

/** `undefined` for none. */
function statementLimitMs({ statementTimeoutMs, pool }: PostgresOptions): number | undefined {
  const ofPool = pool?.statement_timeout;
  const limitMs = statementTimeoutMs ?? (ofPool || DEFAULT_STATEMENT_TIMEOUT_MS);
  if (Number.isSafeInteger(limitMs) && limitMs >= 0) return limitMs === 0 ? undefined : limitMs;
  throw new CodedError(
    'invalid-argument',
    `statementTimeoutMs must be a whole number of milliseconds, 0 or more; it is ${limitMs}`,
  );
}

function poolConfig(options: PostgresOptions, max: number): PoolConfig {
  return {
    application_name: 'postlude',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // BEGIN and the statement behind it travel together.
    pipeline: true,
    ...options.pool,
    ...(options.url === undefined ? {} : { connectionString: options.url }),
    max,
  };
}

function loadDriver(): Promise<typeof import('pg')> {
  return loadOptional({ name: 'pg', for: 'PostgreSQL' }, () => import('pg'));
}
