/**
 * Asks Google Cloud which of the permissions that postlude uses the machine's account lacks on a
 * database: those of the calls in calls/client.ts, and of the changes in migration-target.ts.
 */
import { CONNECT_TIMEOUT_MS } from './calls/client.ts';
import { openLibrary } from './calls/library.ts';
import { type DatabaseName, parseDatabaseName } from './database-name.ts';
import { isUnimplemented, toStorageError } from './errors.ts';
import type { SpannerOptions } from './open.ts';

/** Of a server, or any other program that reads and writes. */
const TO_RUN = [
  'spanner.sessions.create',
  'spanner.sessions.delete',
  'spanner.databases.select',
  'spanner.databases.read',
  'spanner.databases.write',
  'spanner.databases.beginReadOnlyTransaction',
  'spanner.databases.beginOrRollbackReadWriteTransaction',
];
/** Whoever migrates waits for the change, too. */
const TO_MIGRATE = ['spanner.databases.updateDdl', 'spanner.databaseOperations.get'];

/** The narrowest of Google's own roles that gives all of them. */
const ROLE = 'roles/spanner.databaseUser';

export interface MissingPermissions {
  readonly toRun: readonly string[];
  readonly toMigrate: readonly string[];
  /** The command that grants all that postlude needs; the account is to be filled in. */
  readonly remedy: string;
}

/** `unknown`: the emulator has no permissions. Throws a `CodedError` where nobody answers. */
export async function findMissingPermissions(
  options: Pick<SpannerOptions, 'database' | 'emulatorHost'>,
): Promise<MissingPermissions | 'unknown'> {
  const name = parseDatabaseName(options.database);
  const library = await openLibrary({ projectId: name.project, ...options });
  try {
    // Apart from the call: where it has no credentials, the call alone would reject twice.
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
