/** Opens a database of Cloud Spanner by its client library. */
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { Random } from '../../random.ts';
import type { Database } from '../database.ts';
import { openLibrary } from './calls/library.ts';
import { SpannerDatabase } from './database.ts';
import { parseDatabaseName } from './database-name.ts';

export interface SpannerOptions {
  /**
   * `spanner://project/instance/database`, or `projects/…/instances/…/databases/…`. Credentials are
   * the machine's (Application Default Credentials).
   */
  readonly database: string;
  /** `host:port` of an emulator, which is spoken to without credentials. */
  readonly emulatorHost?: string;
  /** How many transactions at once: 100 unless given. Each has a session of its own. */
  readonly maxConnections?: number;
  /**
   * Read-write transactions of this process wait for each other instead of being aborted: where an
   * emulator is spoken to, unless given, since that runs one at a time.
   */
  readonly serialWrites?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

const DEFAULT_MAX_CONNECTIONS = 100;

/**
 * Opens a database that exists. Connects when first used, so an instance that is away shows itself
 * as `unavailable` then, a wrong name as `not-found`. Call `migrate()` before first use. Throws an
 * error that names the package to install where `@google-cloud/spanner` is missing.
 */
export async function openSpanner(options: SpannerOptions): Promise<Database> {
  const name = parseDatabaseName(options.database);
  const library = await openLibrary({ projectId: name.project, ...options });
  const { maxConnections = DEFAULT_MAX_CONNECTIONS, emulatorHost } = options;
  const { serialWrites = emulatorHost !== undefined } = options;
  return new SpannerDatabase({ ...options, library, name, maxConnections, serialWrites });
}
