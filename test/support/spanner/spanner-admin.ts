/** Creates and drops databases on an emulator: one for each test, as a schema is elsewhere. */
import type { v1 } from '@google-cloud/spanner';
import { endpointOptions } from '../../../src/storage/spanner/calls/library.ts';

const PROJECT = 'postlude-test';
/** An instance takes 100 databases; a test that crashes at every step has some dozens by itself. */
const INSTANCES = Array.from({ length: 8 }, (_, index) => `tests${index}`);

const ALREADY_EXISTS = 6;

/** `spanner://…` of a test's database. */
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
  /** Does nothing for those that exist. */
  createInstances(): Promise<void>;
  /** With the tables of these statements. Answers false, and does nothing, where it exists. */
  createDatabase(name: string, statements?: readonly string[]): Promise<boolean>;
  dropDatabase(name: string): Promise<void>;
  /** As the operation of that id, where one is given. */
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
