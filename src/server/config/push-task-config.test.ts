import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { loadConfig } from './config.ts';

type Flags = Readonly<Record<string, string>>;

async function load(flags: Flags) {
  return (await loadConfig({ flags, env: {}, cwd: tmpdir() })).pushTasks;
}

async function problemsOf(flags: Flags): Promise<readonly string[]> {
  const error = await load(flags).then(
    () => new Error('no problem'),
    (thrown: unknown) => thrown as Error,
  );
  return error.message
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
}

const CLOUD = {
  tqQueue: 'cloud-tasks',
  tqProject: 'p',
  tqRegion: 'europe-west1',
  tqTargetHost: 'results.example.org',
};

test('unless told otherwise, pushed tasks stay in the database, and nobody may push', async () => {
  expect(await load({})).toEqual({
    queue: 'database',
    requests: {},
    emulatorHost: undefined,
    pushers: 'none',
    sweepEveryMs: 60_000,
  });
});

test('with Cloud Tasks, tokens are made for the origin that takes the pushes', async () => {
  const account = 'tasks@p.iam.gserviceaccount.com';
  expect(
    await load({ ...CLOUD, tqPushAs: account, tqNamespace: 'ci', tqSweepEvery: '0s' }),
  ).toEqual({
    queue: 'cloud-tasks',
    requests: {
      project: 'p',
      region: 'europe-west1',
      namespace: 'ci',
      pushAs: account,
      defaultTargetHost: 'results.example.org',
      pushAudience: 'https://results.example.org',
    },
    emulatorHost: undefined,
    pushers: { audiences: ['https://results.example.org'], emails: [account] },
    sweepEveryMs: 0,
  });
});

test('on this machine, Cloud Tasks may be an emulator that nobody has to trust', async () => {
  const flags = { ...CLOUD, tqTargetHost: 'http://127.0.0.1:8010' };
  expect(await load({ ...flags, cloudTasksEmulator: '127.0.0.1:8123' })).toMatchObject({
    requests: { pushAudience: 'http://127.0.0.1:8010' },
    emulatorHost: '127.0.0.1:8123',
    pushers: 'loopback',
  });
});

test('pushers, audience and issuer may be others than those of the own pushes', async () => {
  const flags = { tqPushers: 'a@b.c,d@e.f', tqPushAudience: 'us', tqPushIssuer: 'https://i.org' };
  expect((await load(flags)).pushers).toEqual({
    issuer: 'https://i.org',
    audiences: ['us'],
    emails: ['a@b.c', 'd@e.f'],
  });
});

test.each<[string, Flags, readonly string[]]>([
  [
    'Cloud Tasks without a place',
    { tqQueue: 'cloud-tasks' },
    ['--tq-queue: needs tqProject, tqRegion, tqTargetHost, too'],
  ],
  [
    'Cloud Tasks without an account, on a public address',
    { ...CLOUD, listen: '0.0.0.0:80', oidcIssuer: 'https://i.org', oidcAudiences: 'a' },
    [
      '--oidc-issuer: without realms nobody may do anything: set realms or realmsFile',
      '--tq-queue: 0.0.0.0 can be reached from other machines, and pushes are not authenticated: set tqPushAs',
    ],
  ],
  [
    'pushers whose tokens are made for nobody in particular',
    { tqPushers: 'a@b.c' },
    ['--tq-pushers: needs tqPushAudience or tqTargetHost, too'],
  ],
  [
    'values that cannot be',
    {
      ...CLOUD,
      tqTargetHost: 'https://h/path',
      tqNamespace: 'a-b',
      tqPushAs: 'two words',
      cloudTasksEmulator: 'h',
      tqSweepEvery: '2h',
    },
    [
      '--tq-target-host: must be host[:port], or http:// or https:// and that',
      '--tq-namespace: must be up to 50 of A-Z a-z 0-9 _',
      '--tq-push-as: must be one word',
      '--tq-sweep-every: must be between 0ms and 3600000ms',
      '--cloud-tasks-emulator: must be host:port, such as 127.0.0.1:8010 or [::1]:8010',
    ],
  ],
])('refuses %s', async (_what, flags, problems) => {
  expect(await problemsOf(flags)).toEqual(problems);
});
