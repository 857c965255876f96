/** The emulator has no permissions; those of Google's are answered here by a gRPC server of our own. */
import { describe, expect, test } from 'vitest';
import { testSpannerHost } from '../../../../../test/support/databases/databases.ts';
import { GoogleServices } from '../../../../../test/support/network/google-services.ts';
import { findMissingPermissions } from './permissions.ts';

const DATABASE = 'spanner://p/instance/results';

async function missingWhere(isGranted: (permission: string) => boolean) {
  const services = await GoogleServices.start();
  services.isGranted = isGranted;
  const missing = await findMissingPermissions({ database: DATABASE, emulatorHost: services.host });
  return { services, missing };
}

test('nothing is missing if everything is granted, which takes one call', async () => {
  const { missing, services } = await missingWhere(() => true);
  expect(missing).toMatchObject({ toRun: [], toMigrate: [] });
  expect(services.calls).toMatchObject([
    { request: { resource: 'projects/p/instances/instance/databases/results' } },
  ]);
});

test('what is missing is named, with the command that grants it', async () => {
  const { missing } = await missingWhere((name) => !/\.(write|updateDdl)$/.test(name));
  expect(missing).toEqual({
    toRun: ['spanner.databases.write'],
    toMigrate: ['spanner.databases.updateDdl'],
    remedy: expect.stringMatching(
      /^gcloud spanner databases add-iam-policy-binding results --instance=instance --project=p .*--role=roles\/spanner\.databaseUser$/,
    ),
  });
});

test('an account without permissions lacks them all', async () => {
  const { missing, services } = await missingWhere(() => false);
  const { toRun, toMigrate } = missing === 'unknown' ? { toRun: [], toMigrate: [] } : missing;
  expect(services.calls).toMatchObject([{ request: { permissions: [...toRun, ...toMigrate] } }]);
  expect(toRun).toContain('spanner.databases.select');
});

test.each([
  ['NOT_FOUND', 'not-found'],
  ['PERMISSION_DENIED', 'permission-denied'],
  ['UNAVAILABLE', 'unavailable'],
] as const)('an answer of %s is %s', async (answer, code) => {
  const services = await GoogleServices.start();
  services.answer = answer;
  const asked = findMissingPermissions({ database: DATABASE, emulatorHost: services.host });
  await expect(asked).rejects.toMatchObject({ code });
  expect(services.calls).toHaveLength(1); // and is not asked for again
});

describe.skipIf(testSpannerHost() === '')('the emulator', () => {
  test('has no permissions to check', async () => {
    const options = { database: DATABASE, emulatorHost: testSpannerHost() };
    expect(await findMissingPermissions(options)).toBe('unknown');
  });
});
