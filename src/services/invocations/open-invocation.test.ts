import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Database } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import { invocationId as id, newTestResult } from '../../../test/support/invocations/fixtures.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type ServicesOptions,
} from '../../../test/support/server/rpc-services.ts';
import { endOverdue } from '../../deadlines/enforcer.ts';
import {
  ListTestResultsRequestSchema,
  QueryTestResultsRequestSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import {
  EndInvocationRequestSchema,
  ExplainInvocationRequestSchema,
  KeepInvocationAliveRequestSchema,
  OpenInvocationRequestSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { readIncluded } from '../../invocations/inclusions.ts';
import { requireInvocation } from '../../invocations/invocations.ts';
import { recordTestResults } from '../../results/test-results.ts';
import { decodeExport } from '../shared/invocation-message.ts';

const MINUTE_MS = 60_000;
const MINUTE = { seconds: 60n };
const target = { project: 'p', dataset: 'd', table: 't', testResults: {} };

type Init = Omit<MessageInitShape<typeof OpenInvocationRequestSchema>, '$typeName' | '$unknown'>;

async function openWorld(db: Database, options: ServicesOptions = {}) {
  const services = await openServices(db, options);
  const { clock, queue, invocations } = services;
  const named = (names: readonly string[]) => names.map((name) => `invocations/${name}`);
  const openAs = (caller: string, init: Init) => {
    const request = create(OpenInvocationRequestSchema, { realm: 'p:r', ...init });
    return invocations.openInvocation(request, contextOf(caller));
  };
  return {
    ...services,
    open: (invocationId: string, init: Init = {}, caller = OWNER) =>
      openAs(caller, { invocationId, ...init }),
    record: (invocationId: string, recorder: string, init: Init = {}) =>
      openAs(OWNER, { invocationId, recorder, lostAfter: MINUTE, ...init }),
    bundle: (invocationId: string, included: readonly string[], init: Init = {}) =>
      openAs(OWNER, { invocationId, includedInvocations: named(included), ...init }),
    end: (name: string, init: MessageInitShape<typeof EndInvocationRequestSchema> = {}) =>
      invocations.endInvocation(
        create(EndInvocationRequestSchema, { name: `invocations/${name}`, ...init }),
        services.owner(name),
      ),
    keepAlive: (name: string, recorder: string) =>
      invocations.keepInvocationAlive(
        create(KeepInvocationAliveRequestSchema, { name: `invocations/${name}`, recorder }),
        services.owner(name),
      ),
    explain: async (name: string) =>
      (
        await invocations.explainInvocation(
          create(ExplainInvocationRequestSchema, { name: `invocations/${name}` }),
          contextOf(OWNER),
        )
      ).explanation,
    addResult: (name: string, testId: string) =>
      db.write((tx) => recordTestResults(tx, id(name), [newTestResult(testId)])),
    testIds: async (name: string) => {
      const request = create(QueryTestResultsRequestSchema, {
        invocations: [`invocations/${name}`],
      });
      const { testResults } = await services.resultDb.queryTestResults(request, contextOf(OWNER));
      return testResults.map(({ testId }) => testId).toSorted();
    },
    ownTestIds: async (name: string) => {
      const request = create(ListTestResultsRequestSchema, { invocation: `invocations/${name}` });
      const { testResults } = await services.resultDb.listTestResults(request, contextOf(OWNER));
      return testResults.map(({ testId }) => testId);
    },
    read: (name: string) => db.read((tx) => requireInvocation(tx, id(name))),
    included: (name: string) => db.read((tx) => readIncluded(tx, id(name))),
    enforce: () => endOverdue({ db, clock, queue }),
  };
}

eachDatabase((open) => {
  test('begins the next attempt where another process recorded, and counts only that', async () => {
    const world = await openWorld(await open());
    expect(await world.record('s', 'one')).toMatchObject({ attempt: 1, existed: false });
    await world.addResult('s', 'half');
    await world.bundle('run', ['s'], { finalize: true });
    const second = await world.record('s', 'two');
    expect(second).toMatchObject({
      attempt: 2,
      existed: false,
      superseded: ['invocations/s'],
      invocation: { name: 'invocations/s.attempt-2' },
    });
    await world.finalizeAll();
    expect((await world.read('run')).state).toBe('FINALIZING');
    await world.addResult('s.attempt-2', 'whole');
    await world.end('s.attempt-2');
    await world.finalizeAll();
    expect((await world.read('run')).state).toBe('FINALIZED');
    expect(await world.testIds('run')).toEqual(['whole']);
    expect(await world.testIds('s')).toEqual(['whole']);
    expect(await world.ownTestIds('s')).toEqual(['half']);
    expect(await world.read('s')).toMatchObject({
      state: 'FINALIZED',
      endedBy: 'SUPERSEDED',
      endReason: 'attempt 2 began',
      lastAttempt: 2,
    });
  });

  test('takes the results of complete attempts as attempts at the same tests', async () => {
    const world = await openWorld(await open());
    await world.record('s', 'one');
    await world.addResult('s', 'a');
    await world.end('s');
    expect(await world.record('s', 'two')).toMatchObject({ attempt: 2, superseded: [] });
    await world.addResult('s.attempt-2', 'b');
    await world.end('s.attempt-2');
    await world.bundle('run', ['s'], { finalize: true });
    expect(await world.included('run')).toEqual(['s.attempt-2']);
    expect(await world.testIds('run')).toEqual(['a', 'b']);
  });

  test('exports once what a superseded attempt and the next one both ask for', async () => {
    const world = await openWorld(await open());
    const other = { ...target, table: 'other' };
    await world.record('s', 'one', { bigqueryExports: [target, other] });
    await world.record('s', 'two', { bigqueryExports: [target] });
    const exportsOf = async (name: string) =>
      (await world.read(name)).bigqueryExports.map((each) => decodeExport(each).table);
    expect(await exportsOf('s')).toEqual(['other']);
    expect(await exportsOf('s.attempt-2')).toEqual(['t']);
  });

  test('waits for an expected invocation, and includes it when it appears', async () => {
    const world = await openWorld(await open());
    const expectedInvocations = ['s1', 's2'].map((name) => ({
      name: `invocations/${name}`,
      within: MINUTE,
    }));
    await world.open('run', { expectedInvocations, finalize: true });
    await world.finalizeAll();
    expect(await world.explain('run')).toMatchObject({
      chain: [{ name: 'invocations/run' }, { isExpected: true }],
    });
    const begun = await world.record('s1', 'one', {
      tags: [{ key: 'k', value: 'v' }],
      contextTags: [{ key: 'ci/job', value: 'shard' }],
    });
    expect(begun).toMatchObject({ attempt: 1, existed: false, superseded: [] });
    expect(await world.read('s1')).toMatchObject({
      isExpected: false,
      recorder: 'one',
      tags: [
        { key: 'ci/job', value: 'shard' },
        { key: 'k', value: 'v' },
      ],
    });
    await world.end('s1');
    world.clock.advance(MINUTE_MS);
    expect(await world.enforce()).toBe(1);
    await world.finalizeAll();
    expect((await world.read('run')).state).toBe('FINALIZED');
    const { expectedResultsExpirationTime } = await world.read('run');
    expect(await world.read('s1')).toMatchObject({ expectedResultsExpirationTime });
    expect((await world.read('s2')).endedBy).toBe('NEVER_APPEARED');
    expect(await world.testIds('run')).toEqual(['postlude/invocation']);
  });

  test('waits for an announced invocation as long as the latest request says', async () => {
    const world = await openWorld(await open());
    const expect1 = (more: object = {}) => [{ name: 'invocations/s1', ...more }];
    await world.open('run', { expectedInvocations: expect1(), finalize: true });
    await world.open('run', { expectedInvocations: expect1(), finalize: true });
    world.clock.advance(MINUTE_MS);
    expect(await world.enforce()).toBe(0);
    const sooner = expect1({ within: { seconds: 10n } });
    const again = await world.open('run', { expectedInvocations: sooner, finalize: true });
    expect(again).toMatchObject({ existed: true, attempt: 1 });
    world.clock.advance(10_000);
    expect(await world.enforce()).toBe(1);
    expect((await world.read('s1')).endedBy).toBe('NEVER_APPEARED');
  });

  test('keeps a recorder alive, and ends the invocation of a silent one', async () => {
    const world = await openWorld(await open());
    await world.record('s', 'one');
    world.clock.advance(MINUTE_MS - 1);
    await world.keepAlive('s', 'one');
    world.clock.advance(MINUTE_MS - 1);
    expect(await world.enforce()).toBe(0);
    world.clock.advance(1);
    expect(await world.enforce()).toBe(1);
    await expect(world.keepAlive('s', 'one')).rejects.toMatchObject({
      code: 'failed-precondition',
      message: expect.stringContaining('its recorder was lost'),
    });
    await expect(world.end('s')).rejects.toMatchObject({ code: 'failed-precondition' });
  });

  test('ends an invocation as cancelled, with the given reason and properties', async () => {
    const world = await openWorld(await open());
    await world.record('s', 'one');
    const cancelled = { cancelled: true, reason: 'SIGTERM', properties: { exitCode: 143 } };
    const { invocation } = await world.end('s', cancelled);
    expect(invocation?.properties).toEqual({ exitCode: 143 });
    await world.end('s', cancelled);
    await world.finalizeAll();
    expect(await world.read('s')).toMatchObject({ endedBy: 'CANCELLED', endReason: 'SIGTERM' });
    expect(await world.testIds('s')).toEqual(['postlude/invocation']);
    await expect(world.end('s')).rejects.toMatchObject({ code: 'failed-precondition' });
  });
});

test('is safe to repeat for one recorder, whatever has happened to its attempt', async () => {
  const world = await openWorld(await openTestPglite());
  await world.record('s', 'one');
  expect(await world.record('s', 'one')).toMatchObject({ attempt: 1, existed: true });
  await world.record('s', 'two');
  expect(await world.record('s', 'two')).toMatchObject({ attempt: 2, existed: true });
  await world.end('s.attempt-2');
  expect(await world.record('s', 'two')).toMatchObject({ attempt: 2, existed: true });
});

test('a repeated request of an earlier recorder supersedes nobody', async () => {
  const { open, record } = await openWorld(await openTestPglite());
  await record('shard', 'first');
  await record('shard', 'second');
  expect(await record('shard', 'first')).toMatchObject({ attempt: 1, existed: true });
  expect(await open('shard')).toMatchObject({ attempt: 2 });
});

test('a late recording waits for the current recorder, and then becomes an attempt', async () => {
  const { end, record } = await openWorld(await openTestPglite());
  await record('shard', 'first');
  const late = { late: true, lostAfter: undefined };
  await expect(record('shard', 'late', late)).rejects.toMatchObject({
    code: 'failed-precondition',
    message: expect.stringContaining('another process records invocations/shard now'),
  });
  await end('shard');
  expect(await record('shard', 'late', late)).toMatchObject({ attempt: 2, superseded: [] });
  expect(await record('shard', 'late', late)).toMatchObject({ attempt: 2, existed: true });
  expect(await record('fresh', 'late', late)).toMatchObject({ attempt: 1 });
});

test('begins no attempt after the thousandth', async () => {
  const world = await openWorld(await openTestPglite());
  await world.record('s', 'one');
  expect(await world.record('s', 'two', { attempt: 1_000 })).toMatchObject({ attempt: 1_000 });
  await expect(world.record('s', 'three')).rejects.toThrow('s has had all of its 1000 attempts');
});

test('replaces incomplete attempts in runs that can still change', async () => {
  const world = await openWorld(await openTestPglite());
  await world.record('s', 'one');
  await world.end('s');
  await world.bundle('run', ['s']);
  await world.record('s', 'two');
  expect(await world.included('run')).toEqual(['s', 's.attempt-2']);
  world.clock.advance(MINUTE_MS);
  await world.enforce();
  await world.record('s', 'three');
  expect(await world.included('run')).toEqual(['s', 's.attempt-3']);
  expect(await world.included('s.attempt-3')).toEqual(['s']);
});

test('takes the number of an attempt from the caller, and the next free one if it is taken', async () => {
  const world = await openWorld(await openTestPglite());
  expect(await world.record('s', 'one', { attempt: 3 })).toMatchObject({
    attempt: 3,
    invocation: { name: 'invocations/s' },
  });
  expect(await world.record('s', 'two', { attempt: 3 })).toMatchObject({
    attempt: 4,
    invocation: { name: 'invocations/s.attempt-4' },
  });
  expect(await world.record('s', 'three', { attempt: 7 })).toMatchObject({ attempt: 7 });
  expect(await world.read('s.attempt-4')).toMatchObject({ endedBy: 'SUPERSEDED' });
});

describe('a caller that does not record', () => {
  test('adds what an ACTIVE invocation lacks', async () => {
    const world = await openWorld(await openTestPglite());
    await world.record('a', 'one');
    await world.record('b', 'one');
    await world.bundle('run', ['a']);
    const tags = [{ key: 'k', value: 'v' }];
    const more = { bigqueryExports: [target], tags };
    expect(await world.bundle('run', ['b'], more)).toMatchObject({ existed: true });
    expect(await world.included('run')).toEqual(['a', 'b']);
    expect(await world.read('run')).toMatchObject({ tags, bigqueryExports: [expect.anything()] });
    await world.bundle('run', ['a', 'b'], { ...more, finalize: true });
    expect((await world.read('run')).state).toBe('FINALIZING');
    expect(await world.bundle('run', ['a', 'b'], more)).toMatchObject({ existed: true });
  });

  test('is not asked for tags of its context, and sets them only on what it begins', async () => {
    const world = await openWorld(await openTestPglite());
    const tags = [{ key: 'k', value: 'v' }];
    const first = [{ key: 'ci/job', value: 'first' }];
    const second = [{ key: 'ci/job', value: 'second' }];
    await world.record('a', 'one', { contextTags: first });
    const more = { tags, contextTags: [...first, ...tags], finalize: true };
    await world.bundle('run', ['a'], more);
    const again = { ...more, contextTags: second, allowNextAttempt: true };
    expect(await world.bundle('run', ['a'], again)).toMatchObject({ existed: true, attempt: 1 });
    expect((await world.read('run')).tags).toEqual([...first, ...tags]);
    await world.record('a', 'two', { contextTags: second });
    await world.bundle('run', ['a'], again);
    expect((await world.read('a.attempt-2')).tags).toEqual(second);
    expect((await world.read('run.attempt-2')).tags).toEqual([...second, ...tags]);
  });

  test('is told what a complete invocation lacks, or begins its next attempt', async () => {
    const world = await openWorld(await openTestPglite());
    await world.record('a', 'one');
    await world.bundle('run', ['a'], { finalize: true });
    const more = { bigqueryExports: [target], finalize: true };
    await world.end('a');
    await world.record('a', 'two');
    await expect(world.bundle('run', ['a'], more)).rejects.toMatchObject({
      code: 'failed-precondition',
      message:
        'invocations/run is FINALIZING and lacks: the inclusion of invocations/a.attempt-2; the export to p.d.t',
    });
    const next = await world.bundle('run', ['a'], { ...more, allowNextAttempt: true });
    expect(next).toMatchObject({ attempt: 2, invocation: { name: 'invocations/run.attempt-2' } });
    expect(await world.included('run.attempt-2')).toEqual(['a.attempt-2']);
  });

  test('cannot join an invocation of another owner', async () => {
    const world = await openWorld(await openTestPglite());
    await world.open('run');
    await expect(world.open('run', {}, 'user:other@example.org')).rejects.toMatchObject({
      code: 'permission-denied',
    });
  });

  test('cannot join an invocation that another client created', async () => {
    const world = await openWorld(await openTestPglite());
    await world.create('run');
    await expect(world.open('run')).rejects.toMatchObject({
      message: 'invocations/run was not opened by OpenInvocation',
    });
  });

  test('moves the deadline only if the request sets one', async () => {
    const world = await openWorld(await openTestPglite());
    await world.open('run', { deadline: MINUTE });
    const { deadline } = await world.read('run');
    world.clock.advance(1000);
    await world.open('run');
    expect((await world.read('run')).deadline).toBe(deadline);
    await world.open('run', { deadline: MINUTE });
    expect((await world.read('run')).deadline).toBe(deadline + 1000);
  });
});

test('refuses a realm that differs from that of the invocation', async () => {
  const world = await openWorld(await openTestPglite());
  await world.record('s', 'one');
  await expect(world.record('s', 'two', { realm: 'p:other' })).rejects.toMatchObject({
    code: 'already-exists',
    message: 'invocations/s exists in realm p:r, not in p:other',
  });
});

test("neither supersedes an attempt of another owner nor changes that owner's runs", async () => {
  const world = await openWorld(await openTestPglite());
  await world.record('s', 'one');
  await world.bundle('run', ['s']);
  const other = 'user:other@example.org';
  await expect(world.open('s', { recorder: 'two' }, other)).rejects.toMatchObject({
    code: 'permission-denied',
  });
  await world.end('s');
  await world.open('s', { recorder: 'two' }, other);
  expect(await world.included('run')).toEqual(['s']);
});

test('lets only the recording process keep an invocation alive', async () => {
  const world = await openWorld(await openTestPglite());
  await world.record('s', 'one');
  await expect(world.keepAlive('s', 'two')).rejects.toMatchObject({
    message: 'another process records invocations/s',
  });
  await world.record('s', 'two');
  await expect(world.keepAlive('s', 'one')).rejects.toMatchObject({
    message: expect.stringContaining('a later attempt superseded it'),
  });
});
