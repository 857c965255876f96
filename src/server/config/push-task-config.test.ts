import { expect, test } from 'vitest';
import { loadTestConfig } from '../../../test/support/server/test-config.ts';

type Flags = Readonly<Record<string, string>>;

async function load(flags: Flags) {
  return (await loadTestConfig({ flags })).config.pushTasks;
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
