import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
  type TestContext,
} from '../../../test/support/server/rpc-services.ts';
import { Invocation_State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import {
  FinalizeInvocationRequestSchema,
  UpdateIncludedInvocationsRequestSchema,
  UpdateInvocationRequestSchema,
} from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { parseInvocationId } from '../../invocations/id.ts';
import { readIncluded } from '../../invocations/inclusions.ts';
import { readInvocation } from '../../invocations/invocations.ts';
import { realmAuthorizer } from '../shared/permissions.ts';
import { toTimestamp } from '../shared/timestamp.ts';

const HOUR_MS = 3_600_000;

function finalize(services: Services, name: string, context: TestContext) {
  const request = create(FinalizeInvocationRequestSchema, { name });
  return services.recorder.finalizeInvocation(request, context);
}

function update(
  services: Services,
  init: MessageInitShape<typeof UpdateInvocationRequestSchema>,
  context = services.owner('u-inv'),
) {
  return services.recorder.updateInvocation(create(UpdateInvocationRequestSchema, init), context);
}

function include(
  services: Services,
  init: MessageInitShape<typeof UpdateIncludedInvocationsRequestSchema>,
  context = services.owner('u-inv'),
) {
  const request = create(UpdateIncludedInvocationsRequestSchema, {
    includingInvocation: 'invocations/u-inv',
    ...init,
  });
  return services.recorder.updateIncludedInvocations(request, context);
}

async function included(services: Services): Promise<string[]> {
  return services.db.read((tx) => readIncluded(tx, parseInvocationId('u-inv')));
}

test.each(['', 'u-inv', 'invocations/', 'invocations/U', 'invocations/u-inv/x'])(
  'finalizing %j is refused for its name, before its token is looked at',
  async (name) => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    await expect(finalize(services, name, contextOf(OWNER))).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/^name: /),
    });
  },
);

describe('an update is refused', () => {
  const invocation = { name: 'invocations/u-inv' };
  const updateMask = { paths: ['deadline'] };
  test.each([
    ['invocation: name: unspecified', {}],
    ['invocation: name: unspecified', { invocation: { name: '' }, updateMask }],
    [
      'invocation: name: not an invocation id',
      { invocation: { name: 'invocations/x y' }, updateMask },
    ],
    ['update_mask: paths is empty', { invocation }],
    ['update_mask: paths is empty', { invocation, updateMask: { paths: [] } }],
    [
      'update_mask: field "nosuch" does not exist in message Invocation',
      { invocation, updateMask: { paths: ['nosuch'] } },
    ],
    ['update_mask: unsupported path "name"', { invocation, updateMask: { paths: ['name'] } }],
    [
      'update_mask: "deadline" should not have any submask',
      { invocation, updateMask: { paths: ['deadline.seconds'] } },
    ],
    ['invocation: deadline: timestamp: nil Timestamp', { invocation, updateMask }],
    [
      'invocation: deadline: must be at least 10 seconds in the future',
      { invocation: { ...invocation, deadline: toTimestamp(0) }, updateMask },
    ],
  ])('%s', async (message, init) => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    await expect(update(services, init)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(message),
    });
  });
});

describe('an inclusion is refused', () => {
  test.each([
    ['including_invocation: not the name', { includingInvocation: 'u-inv' }],
    ['add_invocations[1]: not the name', { addInvocations: ['invocations/u-a', 'x'] }],
    ['remove_invocations[0]: not the name', { removeInvocations: ['x'] }],
    ['add_invocations: must not name the including', { addInvocations: ['invocations/u-inv'] }],
    [
      'invocations/u-a is in both add_invocations and remove_invocations',
      { addInvocations: ['invocations/u-a'], removeInvocations: ['invocations/u-a'] },
    ],
  ])('%s', async (message, init) => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    await expect(include(services, init)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(message),
    });
  });
});

eachDatabase((open) => {
  describe('every change', () => {
    const changes: readonly [string, (s: Services, c: TestContext) => Promise<unknown>][] = [
      [
        'update',
        (services, context) => {
          const deadline = toTimestamp(services.clock.now() + HOUR_MS);
          const invocation = { name: 'invocations/u-inv', deadline };
          return update(services, { invocation, updateMask: { paths: ['deadline'] } }, context);
        },
      ],
      ['include', (services, context) => include(services, {}, context)],
    ];

    test.each(changes)('%s needs a token', async (_what, change) => {
      const services = await openServices(await open());
      await services.create('u-inv');
      await expect(change(services, contextOf(OWNER))).rejects.toMatchObject({
        code: 'unauthenticated',
      });
    });

    test.each(changes)('%s needs the token of that invocation', async (_what, change) => {
      const services = await openServices(await open());
      await services.create('u-inv');
      await expect(change(services, services.owner('u-other'))).rejects.toMatchObject({
        code: 'permission-denied',
      });
    });

    test.each(changes)('%s needs an existing invocation', async (_what, change) => {
      const services = await openServices(await open());
      await expect(change(services, services.owner('u-inv'))).rejects.toMatchObject({
        code: 'not-found',
      });
    });

    test.each(changes)('%s needs an ACTIVE invocation', async (_what, change) => {
      const services = await openServices(await open());
      await services.create('u-inv');
      await finalize(services, 'invocations/u-inv', services.owner('u-inv'));
      await expect(change(services, services.owner('u-inv'))).rejects.toMatchObject({
        code: 'failed-precondition',
        message: 'invocations/u-inv is FINALIZING',
      });
      await services.finalizeAll();
      await expect(change(services, services.owner('u-inv'))).rejects.toMatchObject({
        code: 'failed-precondition',
        message: 'invocations/u-inv is FINALIZED',
      });
    });

    test.each(changes)('%s of an ACTIVE invocation with its token is made', async (_w, change) => {
      const services = await openServices(await open());
      await services.create('u-inv');
      await change(services, services.owner('u-inv', 'anonymous:anonymous'));
    });
  });

  test('finalizing needs the token of an invocation that exists', async () => {
    const services = await openServices(await open());
    const name = 'invocations/u-inv';
    await expect(finalize(services, name, contextOf(OWNER))).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    await expect(finalize(services, name, services.owner('u-other'))).rejects.toMatchObject({
      code: 'permission-denied',
    });
    await expect(finalize(services, name, services.owner('u-inv'))).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test('finalizing an ACTIVE invocation returns FINALIZING, and enqueues one task', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const owner = services.owner('u-inv');
    const name = 'invocations/u-inv';
    expect(await finalize(services, name, owner)).toMatchObject({
      state: Invocation_State.FINALIZING,
    });
    services.clock.advance(1000);
    expect(await finalize(services, name, owner)).toMatchObject({
      state: Invocation_State.FINALIZING,
    });
    const tasks = await services.inspector.list({ limit: 9 });
    expect(tasks.map(({ type, state }) => [type, state])).toEqual([['finalize', 'due']]);
    const stored = await services.db.read((tx) => readInvocation(tx, parseInvocationId('u-inv')));
    expect(stored?.finalizeStartTime).toBe(services.clock.now() - 1000);
  });

  test('finalizing a FINALIZED invocation returns it unchanged, and enqueues nothing', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    await finalize(services, 'invocations/u-inv', services.owner('u-inv'));
    await services.finalizeAll();
    const again = await finalize(services, 'invocations/u-inv', services.owner('u-inv'));
    expect(again).toMatchObject({
      state: Invocation_State.FINALIZED,
      finalizeTime: toTimestamp(services.clock.now()),
    });
    expect(await services.inspector.list({ limit: 9 })).toEqual([]);
  });

  test('an invocation past its deadline can still be finalized by its owner', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    services.clock.advance(100 * HOUR_MS);
    await finalize(services, 'invocations/u-inv', services.owner('u-inv'));
  });

  test('an update moves the deadline, closer or further away', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    for (const hours of [1, 119]) {
      const deadline = toTimestamp(services.clock.now() + hours * HOUR_MS);
      const invocation = { name: 'invocations/u-inv', deadline };
      const request = { invocation, updateMask: { paths: ['deadline'] } };
      expect(await update(services, request)).toMatchObject({ deadline });
    }
  });

  test('inclusions are added and removed; repeating either is fine', async () => {
    const services = await openServices(await open());
    for (const id of ['u-inv', 'u-a', 'u-b']) await services.create(id);
    const both = { addInvocations: ['invocations/u-b', 'invocations/u-a'] };
    await include(services, both);
    await include(services, both);
    expect(await included(services)).toEqual(['u-a', 'u-b']);
    const removed = { removeInvocations: ['invocations/u-a', 'invocations/u-never'] };
    await include(services, removed);
    await include(services, removed);
    expect(await included(services)).toEqual(['u-b']);
  });

  test('cycles and FINALIZED invocations may be included', async () => {
    const services = await openServices(await open());
    for (const id of ['u-inv', 'u-a']) await services.create(id);
    await services.recorder.updateIncludedInvocations(
      create(UpdateIncludedInvocationsRequestSchema, {
        includingInvocation: 'invocations/u-a',
        addInvocations: ['invocations/u-inv'],
      }),
      services.owner('u-a'),
    );
    await services.create('u-done');
    await finalize(services, 'invocations/u-done', services.owner('u-done'));
    await services.finalizeAll();
    await include(services, { addInvocations: ['invocations/u-a', 'invocations/u-done'] });
    expect(await included(services)).toEqual(['u-a', 'u-done']);
  });

  test('nothing is included if one of the invocations does not exist', async () => {
    const services = await openServices(await open());
    for (const id of ['u-inv', 'u-a']) await services.create(id);
    await expect(
      include(services, { addInvocations: ['invocations/u-a', 'invocations/u-none'] }),
    ).rejects.toMatchObject({ code: 'not-found', message: 'invocations/u-none does not exist' });
    expect(await included(services)).toEqual([]);
  });

  test('nothing is included if the caller may not include in one of the realms', async () => {
    const authorizer = realmAuthorizer({
      'p:r': { writer: [OWNER] },
      'secret:r': { 'resultdb.invocations.create': [OWNER] },
    });
    const services = await openServices(await open(), { authorizer });
    for (const id of ['u-inv', 'u-a']) await services.create(id);
    await services.create('u-secret', { realm: 'secret:r' });
    await expect(
      include(
        services,
        { addInvocations: ['invocations/u-a', 'invocations/u-secret'] },
        services.owner('u-inv', OWNER),
      ),
    ).rejects.toMatchObject({ code: 'permission-denied' });
    expect(await included(services)).toEqual([]);
  });
});
