import { systemClock } from '@postlude/queue/foundations';
import { type Database, int, table, text } from '@postlude/queue/storage';
import { FakeClock } from '@postlude/queue/testing';
import { describe, expect, test } from 'vitest';
import { openCli } from '../../../test/support/cli/cli-world.ts';
import {
  openTestPostgres,
  openTestSpanner,
  testPostgresUrl,
  testSchema,
  testSpannerHost,
} from '../../../test/support/databases/databases.ts';
import { GoogleServices } from '../../../test/support/network/google-services.ts';
import { testDatabaseUrl } from '../../../test/support/spanner/spanner-admin.ts';
import { checkDatabaseClock, describePermissions } from './doctor-database.ts';
import type { Finding } from './finding.ts';

interface Server {
  readonly isThere: boolean;
  /** Opens a database without any migration. */
  open(schema: string): Promise<Database>;
  flags(schema: string): readonly string[];
}

const SERVERS: Readonly<Record<string, Server>> = {
  PostgreSQL: {
    isThere: testPostgresUrl() !== '',
    open: (schema) => openTestPostgres({ schema, migrated: false }),
    flags: (schema) => ['--database', testPostgresUrl(), '--schema', schema],
  },
  'Cloud Spanner': {
    isThere: testSpannerHost() !== '',
    open: (schema) => openTestSpanner({ schema, migrated: false }),
    flags: (schema) => ['--database', testDatabaseUrl(schema)],
  },
};
const HOUR_MS = 3_600_000;

async function openDoctor(flags: readonly string[]) {
  const { runWith } = await openCli({ SPANNER_EMULATOR_HOST: testSpannerHost() });
  return async (now: () => number = () => systemClock.now()) => {
    const argv = ['doctor', '--no-server-check', '--json', ...flags];
    const { code, err, json } = await runWith({ clock: { ...systemClock, now } }, ...argv);
    expect(err).toBe('');
    const [{ findings }] = json() as [{ readonly findings: readonly Finding[] }];
    const about = (check: string) => findings.filter((finding) => finding.check === check);
    return { code, about };
  };
}

describe.each(Object.entries(SERVERS).filter(([, { isThere }]) => isThere))(
  '%s',
  (_name, server) => {
    test('is reached, in step, and found to lack migrations, which the server would apply', async () => {
      const schema = testSchema();
      const database = await server.open(schema);
      const doctor = await openDoctor(server.flags(schema));
      const before = await doctor();
      expect(before.code).toBe(0);
      expect(before.about('database')).toMatchObject([{ level: 'ok' }]);
      expect(before.about('clock')).toMatchObject([{ level: 'ok' }]);
      expect(before.about('schema')).toEqual([
        {
          check: 'schema',
          level: 'warning',
          message: expect.stringMatching(/lacks 0001_tasks, .*postlude migrate.* start the server/),
        },
      ]);
      await database.migrate();
      const message = expect.stringMatching(/^of this version: \d{4}_/);
      expect((await doctor()).about('schema')).toMatchObject([{ level: 'ok', message }]);
    });

    test('that lacks migrations is a problem if the server may not apply them', async () => {
      const schema = testSchema();
      await server.open(schema);
      const doctor = await openDoctor([...server.flags(schema), '--auto-migrate', 'false']);
      const { code, about } = await doctor();
      expect(code).toBe(1);
      const message = expect.stringMatching(/run `postlude migrate`, or call `migrate\(\)`/);
      expect(about('schema')).toMatchObject([{ level: 'problem', message }]);
    });

    test('that a newer version has migrated is a problem', async () => {
      const schema = testSchema();
      const database = await server.open(schema);
      await database.migrate();
      const columns = { setName: text, number: int, name: text, checksum: text };
      const applied = table('applied_migrations', columns, ['setName', 'number']);
      const future = {
        setName: '@postlude/postlude',
        number: 9999,
        name: '9999_future',
        checksum: 'x',
      };
      await database.write((tx) => tx.insert(applied, [future]));
      const { code, about } = await (await openDoctor(server.flags(schema)))();
      expect(code).toBe(1);
      const message = expect.stringContaining('9999_future, which this version does not know');
      expect(about('schema')).toMatchObject([{ level: 'problem', message }]);
    });

    test('has a clock that this machine’s is compared with', async () => {
      const schema = testSchema();
      await server.open(schema);
      const doctor = await openDoctor(server.flags(schema));
      const { code, about } = await doctor(() => systemClock.now() + HOUR_MS);
      expect(code).toBe(0);
      const message = expect.stringMatching(/^\d+ s ahead of the database's: set this machine/);
      expect(about('clock')).toMatchObject([{ level: 'warning', message }]);
    });

    test('is not checked with --no-database-check', async () => {
      const doctor = await openDoctor([...server.flags('nowhere'), '--no-database-check']);
      const { code, about } = await doctor();
      expect(code).toBe(0);
      expect(about('database')).toEqual([]);
    });
  },
);

describe.skipIf(testSpannerHost() === '')('Cloud Spanner’s emulator', () => {
  test('has no permissions to check, which is not a problem', async () => {
    const schema = testSchema();
    await openTestSpanner({ schema });
    const { code, about } = await (await openDoctor(['--database', testDatabaseUrl(schema)]))();
    expect(code).toBe(0);
    const message = 'not checked: the emulator has no IAM';
    expect(about('permissions')).toMatchObject([{ level: 'ok', message }]);
  });

  test('that lacks the database says how to create it', async () => {
    const { code, about } = await (await openDoctor(['--database', testDatabaseUrl('nowhere')]))();
    expect(code).toBe(1);
    const message = expect.stringMatching(/gcloud spanner databases create nowhere --instance=/);
    expect(about('database')).toMatchObject([{ level: 'problem', message }]);
  });
});

test('Cloud Spanner that denies access: doctor says which permissions are missing', async () => {
  const services = await GoogleServices.start();
  services.answers.set('CreateSession', 'PERMISSION_DENIED');
  services.isGranted = (permission) => permission !== 'spanner.sessions.create';
  const { runWith } = await openCli();
  const argv = ['doctor', '--no-server-check', '--database', 'spanner://p/instance/results'];
  const { code, out } = await runWith({ env: { SPANNER_EMULATOR_HOST: services.host } }, ...argv);
  expect(code).toBe(1);
  expect(out).toMatch(/^problem +database +cannot open .* it is PERMISSION_DENIED/m);
  expect(out).toMatch(
    /^problem +permissions +this machine's account lacks spanner\.sessions\.create; grant them: gcloud/m,
  );
});

test.each([
  ['postgres://user@127.0.0.1:9/x', 'start it, or correct the setting "database"'],
  ['spanner://p/instance/results', 'start the emulator at 127.0.0.1:9, or unset'],
])('%s, where nothing listens, is a problem', async (url, message) => {
  const { runWith } = await openCli();
  const env = { SPANNER_EMULATOR_HOST: '127.0.0.1:9' };
  const { code, out } = await runWith({ env }, 'doctor', '--no-server-check', '--database', url);
  expect(code).toBe(1);
  expect(out).toContain(message);
  expect(out).not.toContain('permissions');
});

test('an embedded database is not opened unless it is asked for', async () => {
  const { run } = await openCli();
  const argv = ['doctor', '--no-server-check', '--database', 'memory:'];
  expect((await run(...argv)).out).not.toMatch(/^\S+ +schema/m);
  expect((await run(...argv, '--database-check')).out).toMatch(/^warning +schema /m);
});

describe('the clock', () => {
  /** A server with another clock, and with round trips of this length. */
  async function check(aheadMs: number, tripMs: number): Promise<Finding> {
    const clock = new FakeClock();
    const serverTime = async () => {
      clock.advance(tripMs);
      return clock.now() - tripMs / 2 + aheadMs;
    };
    return await checkDatabaseClock({ serverTime }, clock);
  }

  test.each([
    [10_001, 0, 'warning', "10 s behind the database's"],
    [-10_001, 0, 'warning', "10 s ahead of the database's"],
    [10_000, 0, 'ok', '10000 ms off, give or take 0'],
    [-20, 4, 'ok', '20 ms off, give or take 2'],
    [12_000, 6_000, 'ok', '12000 ms off, give or take 3000'],
  ])(
    'that is %i ms behind, told by round trips of %i ms, is %s',
    async (ahead, trip, level, words) => {
      const message = expect.stringContaining(words);
      expect(await check(ahead, trip)).toEqual({ check: 'clock', level, message });
    },
  );
});

describe('permissions', () => {
  const remedy = 'gcloud grant';

  test('that a server needs are a problem if they are missing', () => {
    const missing = { toRun: ['a.write'], toMigrate: ['a.updateDdl'], remedy };
    const message = expect.stringMatching(/lacks a\.write, a\.updateDdl; grant them: gcloud grant/);
    expect(describePermissions(missing)).toMatchObject({ level: 'problem', message });
  });

  test('that only migrations need are a warning', () => {
    const missing = { toRun: [], toMigrate: ['a.updateDdl'], remedy };
    const message = expect.stringMatching(/a\.updateDdl, which migrations need/);
    expect(describePermissions(missing)).toMatchObject({ level: 'warning', message });
  });

  test('that are complete are fine', () => {
    expect(describePermissions({ toRun: [], toMigrate: [], remedy })).toMatchObject({
      level: 'ok',
    });
  });
});
