/** Opens a database of Cloud Spanner with its client library. */
import type { Clock } from '../../foundations/clock.ts';
import type { Log } from '../../foundations/log.ts';
import type { Random } from '../../foundations/random.ts';
import type { Database } from '../database.ts';
import type { MigrationSet } from '../migrations.ts';
import { openLibrary } from './calls/library.ts';
import { SpannerDatabase } from './database.ts';
import { parseDatabaseName } from './database-name.ts';

export interface SpannerOptions {
  /**
   * `spanner://project/instance/database`, or `projects/…/instances/…/databases/…`. The machine's
   * credentials are used (Application Default Credentials).
   */
  readonly database: string;
  /** `host:port` of an emulator, which is called without credentials. */
  readonly emulatorHost?: string;
  /** Your own migrations, which `migrate()` applies after those of the queue. */
  readonly migrations?: readonly MigrationSet[];
  /** How many transactions can be open at once; 100 by default. Each has its own session. */
  readonly maxConnections?: number;
  /**
   * Whether read-write transactions of this process run one after the other, instead of being aborted. By
   * default they do on an emulator, which runs one at a time.
   */
  readonly serialWrites?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

const DEFAULT_MAX_CONNECTIONS = 100;

/**
 * Opens an existing database. It connects on first use, which throws `unavailable` if the instance cannot be
 * reached, and `not-found` for a wrong name. Call `migrate()` before first use. Throws an error that names
 * the package to install if `@google-cloud/spanner` is missing.
 */
export async function openSpanner(options: SpannerOptions): Promise<Database> {
  const name = parseDatabaseName(options.database);
  const library = await openLibrary({ projectId: name.project, ...options });
  const { maxConnections = DEFAULT_MAX_CONNECTIONS, emulatorHost } = options;
  const { serialWrites = emulatorHost !== undefined } = options;
  return new SpannerDatabase({ ...options, library, name, maxConnections, serialWrites });
}
