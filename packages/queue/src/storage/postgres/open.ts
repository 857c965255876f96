/** Opens PostgreSQL with the driver `pg`, which only this file loads. */
import type { PoolConfig } from 'pg';
import type { Clock } from '../../foundations/clock.ts';
import { CodedError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';
import { silentLog } from '../../foundations/log.ts';
import { loadOptional } from '../../foundations/optional-package.ts';
import type { Random } from '../../foundations/random.ts';
import type { Database } from '../database.ts';
import type { MigrationSet } from '../migrations.ts';
import { openConnections } from './connections/connections.ts';
import { StatementNames } from './connections/statement-names.ts';
import { PostgresDatabase } from './database.ts';
import { checkSchemaName, DEFAULT_SCHEMA } from './schema-name.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`. Without it, the variables PGHOST and so on apply. */
  readonly url?: string;
  /** Options of `pg`'s pool: TLS, passwords as functions, timeouts. */
  readonly pool?: PoolConfig;
  /** The schema of the tables; `postlude` by default. */
  readonly schema?: string;
  /** Your own migrations, which `migrate()` applies after those of the queue. */
  readonly migrations?: readonly MigrationSet[];
  /** How many transactions can be open at once; 10 by default. Listening needs one more connection. */
  readonly maxConnections?: number;
  /**
   * Set this to false if a pooler gives each transaction another connection and does not support prepared
   * statements (PgBouncer before 1.21). Small queries are then about a third slower.
   */
  readonly preparedStatements?: boolean;
  /**
   * How long one statement may take, in milliseconds; 30,000 by default, and 0 means no limit. The server
   * ends a statement at the limit. If the server is silent for two more seconds, the connection is closed,
   * and the caller gets `unavailable`, or `outcome-unknown` if the statement may have landed. The limit
   * applies to each page of a stream, and not to migrations.
   */
  readonly statementTimeoutMs?: number;
  /** How often a listener checks that the server is still there; 10 s by default. */
  readonly probeEveryMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

const DEFAULT_MAX_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_STATEMENT_TIMEOUT_MS = 30_000;

/**
 * Opens a database on a PostgreSQL server (version 14 or later). It connects on first use, so if the server
 * cannot be reached, that use throws `unavailable`. Call `migrate()` before first use. Throws an error that
 * names the package to install if `pg` is missing.
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

/** Returns `undefined` if there is no limit. */
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
    // BEGIN and the statement after it are sent together.
    pipeline: true,
    ...options.pool,
    ...(options.url === undefined ? {} : { connectionString: options.url }),
    max,
  };
}

function loadDriver(): Promise<typeof import('pg')> {
  return loadOptional({ name: 'pg', for: 'PostgreSQL' }, () => import('pg'));
}
