/** Creates and drops databases on an emulator. Each test has one, as it has a schema on other databases. */
import type { v1 } from '@google-cloud/spanner';
import { endpointOptions } from '../../../packages/queue/src/storage/spanner/calls/library.ts';

const PROJECT = 'postlude-test';
/** An instance can have 100 databases, and a test that crashes at every step needs some dozens. */
const INSTANCES = Array.from({ length: 8 }, (_, index) => `tests${index}`);

const ALREADY_EXISTS = 6;

/** Returns `spanner://…` for a test's database. */
export function testDatabaseUrl(name: string): string {
  return `spanner://${PROJECT}/${instanceOf(name)}/${name}`;
}

function instanceOf(name: string): string {
  return `tests${(name.codePointAt(name.length - 1) ?? 0) % INSTANCES.length}`;
}

function databasePath(name: string): string {
  return `projects/${PROJECT}/instances/${instanceOf(name)}/databases/${name}`;
}

export interface SpannerAdmin {
  /** Creates the instances that do not exist. */
  createInstances(): Promise<void>;
  /** Creates a database with these statements. If it exists, does nothing and returns false. */
  createDatabase(name: string, statements?: readonly string[]): Promise<boolean>;
  dropDatabase(name: string): Promise<void>;
  /** Changes the schema, by an operation with that id if one is given. */
  runDdl(name: string, statements: readonly string[], operationId?: string): Promise<void>;
  close(): Promise<void>;
}

export async function openSpannerAdmin(emulatorHost: string): Promise<SpannerAdmin> {
  const { v1: api } = await import('@google-cloud/spanner');
  const options = { projectId: PROJECT, ...endpointOptions({ emulatorHost }) };
  const instances = new api.InstanceAdminClient(options);
  const databases = new api.DatabaseAdminClient(options);
  return {
    async createInstances() {
      for (const instance of INSTANCES) await createInstance(instances, instance);
    },
    createDatabase: (name, statements = []) => createDatabase(databases, name, statements),
    async dropDatabase(name) {
      await databases.dropDatabase({ database: databasePath(name) });
    },
    async runDdl(name, statements, operationId = '') {
      const [operation] = await databases.updateDatabaseDdl({
        database: databasePath(name),
        statements: [...statements],
        operationId,
      });
      await operation.promise();
    },
    async close() {
      await Promise.all([instances.close(), databases.close()]);
    },
  };
}

async function createInstance(admin: v1.InstanceAdminClient, instanceId: string): Promise<void> {
  const config = `projects/${PROJECT}/instanceConfigs/emulator-config`;
  const instance = { config, displayName: instanceId, nodeCount: 1 };
  await unlessExists(async () => {
    const [operation] = await admin.createInstance({
      parent: `projects/${PROJECT}`,
      instanceId,
      instance,
    });
    await operation.promise();
  });
}

function createDatabase(
  admin: v1.DatabaseAdminClient,
  name: string,
  statements: readonly string[],
): Promise<boolean> {
  return unlessExists(async () => {
    const [operation] = await admin.createDatabase({
      parent: `projects/${PROJECT}/instances/${instanceOf(name)}`,
      createStatement: `CREATE DATABASE \`${name}\``,
      extraStatements: [...statements],
    });
    await operation.promise();
  });
}

async function unlessExists(create: () => Promise<void>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === ALREADY_EXISTS) return false;
    throw error;
  }
}
