/**
 * Asks Google Cloud which permissions the machine's account lacks on a database, among those that postlude
 * needs for the calls in calls/client.ts and the schema changes in migration-target.ts.
 */
import { CONNECT_TIMEOUT_MS } from './calls/client.ts';
import { openLibrary } from './calls/library.ts';
import { type DatabaseName, parseDatabaseName } from './database-name.ts';
import { isUnimplemented, toStorageError } from './errors.ts';
import type { SpannerOptions } from './open.ts';

/** The permissions of a server, or of any other program that reads and writes. */
const TO_RUN = [
  'spanner.sessions.create',
  'spanner.sessions.delete',
  'spanner.databases.select',
  'spanner.databases.read',
  'spanner.databases.write',
  'spanner.databases.beginReadOnlyTransaction',
  'spanner.databases.beginOrRollbackReadWriteTransaction',
];
/** A migration also has to wait for its schema changes. */
const TO_MIGRATE = ['spanner.databases.updateDdl', 'spanner.databaseOperations.get'];

/** The narrowest of Google's predefined roles that grants all of them. */
const ROLE = 'roles/spanner.databaseUser';

export interface MissingPermissions {
  readonly toRun: readonly string[];
  readonly toMigrate: readonly string[];
  /** The command that grants everything postlude needs. The user has to fill in the account. */
  readonly remedy: string;
}

/**
 * Returns `unknown` for the emulator, which has no permissions. Throws a `CodedError` if there is no
 * answer.
 */
export async function findMissingPermissions(
  options: Pick<SpannerOptions, 'database' | 'emulatorHost'>,
): Promise<MissingPermissions | 'unknown'> {
  const name = parseDatabaseName(options.database);
  const library = await openLibrary({ projectId: name.project, ...options });
  try {
    // Initialized before the call, which would otherwise reject twice if there are no credentials.
    await library.admin.initialize();
    const [{ permissions }] = await library.admin.testIamPermissions(
      { resource: name.path, permissions: [...TO_RUN, ...TO_MIGRATE] },
      { timeout: CONNECT_TIMEOUT_MS, retry: null },
    );
    return missingBut(permissions ?? [], name);
  } catch (error) {
    if (isUnimplemented(error)) return 'unknown';
    throw toStorageError(error);
  } finally {
    await library.close();
  }
}

function missingBut(granted: readonly string[], name: DatabaseName): MissingPermissions {
  const isMissing = (permission: string): boolean => !granted.includes(permission);
  const { project, instance, database } = name;
  const remedy =
    `gcloud spanner databases add-iam-policy-binding ${database} --instance=${instance} ` +
    `--project=${project} --member=serviceAccount:ACCOUNT --role=${ROLE}`;
  return { toRun: TO_RUN.filter(isMissing), toMigrate: TO_MIGRATE.filter(isMissing), remedy };
}
