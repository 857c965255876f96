import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import { Invocation_State, InvocationSchema } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import {
  BatchCreateInvocationsRequestSchema,
  CreateInvocationRequestSchema,
} from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { parseInvocationId } from '../../invocations/id.ts';
import { readInvocation } from '../../invocations/invocations.ts';
import { type Authorizer, type Permission, realmAuthorizer } from '../shared/permissions.ts';
import { toTimestamp } from '../shared/timestamp.ts';

type Init = MessageInitShape<typeof CreateInvocationRequestSchema>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const bqExport = { project: 'p', dataset: 'd', table: 't', testResults: {} };

function request(init: Init = {}, invocation: MessageInitShape<typeof InvocationSchema> = {}) {
  return create(CreateInvocationRequestSchema, {
    invocationId: 'u-inv',
    invocation: create(InvocationSchema, { realm: 'p:r', ...invocation }),
    ...init,
  });
}

function batchOf(requestId: string, ...ids: readonly string[]) {
  return create(BatchCreateInvocationsRequestSchema, {
    requestId,
    requests: ids.map((invocationId) => ({ invocationId, invocation: { realm: 'p:r' } })),
  });
}

/** Allows all but one permission; or that one only in a realm. */
function denying(denied: Permission, realm?: string): Authorizer {
  return { isAllowed: (_caller, permission, asked) => permission !== denied || asked === realm };
}

async function existing(services: Services, id: string) {
  return services.db.read((tx) => readInvocation(tx, parseInvocationId(id)));
}

test.each<[string, Init, MessageInitShape<typeof InvocationSchema>]>([
  ['invocation: must be set', { invocation: undefined as never }, {}],
  ['invocation: realm: must not be empty', {}, { realm: '' }],
  ['invocation: realm: does not match', {}, { realm: 'p' }],
  ['invocation: realm: does not match', {}, { realm: 'P:r' }],
  ['invocation_id: not an invocation id', { invocationId: '' }, {}],
  ['invocation_id: not an invocation id', { invocationId: 'U-inv' }, {}],
  ['invocation_id: not an invocation id', { invocationId: `u-${'a'.repeat(99)}` }, {}],
  ['request_id: does not match', { requestId: '☃' }, {}],
  ['request_id: does not match', { requestId: 'a'.repeat(37) }, {}],
  ['invocation: tags: "":"v": key: must not be empty', {}, { tags: [{ value: 'v' }] }],
  ['invocation: tags: "1":"": key: does not match', {}, { tags: [{ key: 'a' }, { key: '1' }] }],
  [`tags: "${'a'.repeat(65)}":"": key: is longer than 64`, {}, { tags: [{ key: 'a'.repeat(65) }] }],
  [
    `tags: "a":"${'é'.repeat(129)}": value: has 258 bytes`,
    {},
    { tags: [{ key: 'a', value: 'é'.repeat(129) }] },
  ],
  ['tags: "a":"\\u0000": value: must not contain NUL', {}, { tags: [{ key: 'a', value: '\0' }] }],
  ['invocation: state: must be ACTIVE or FINALIZING, not FINALIZED', {}, { state: 3 }],
  ['producer_resource: has 2001 bytes', {}, { producerResource: 'x'.repeat(2001) }],
  [
    'bigquery_exports: 101 exports; at most 100 are allowed',
    {},
    { bigqueryExports: Array.from({ length: 101 }, (_, i) => ({ ...bqExport, table: `t${i}` })) },
  ],
  ['bigquery_export[0]: dataset: must not', {}, { bigqueryExports: [{ project: 'p' }] }],
  [
    'bigquery_export[0]: result_type: must be set',
    {},
    { bigqueryExports: [{ project: 'p', dataset: 'd', table: 't' }] },
  ],
  [
    'bigquery_export[0]: test_results: predicate: test_id_regexp: must not start with ^',
    {},
    { bigqueryExports: [{ ...bqExport, testResults: { predicate: { testIdRegexp: '^a' } } }] },
  ],
  [
    'history_options: commit: host: must not be empty',
    {},
    { historyOptions: { commit: { project: 'p' } } },
  ],
  ['included_invocations[0]: not the name', {}, { includedInvocations: ['u-b'] }],
  [
    'invocation: included_invocations[1]: must not name the invocation itself',
    {},
    { includedInvocations: ['invocations/u-b', 'invocations/u-inv'] },
  ],
])('refuses a request: %s', async (message, init, invocation) => {
  const services = await openServices(await openTestPglite({ migrated: false }));
  const error = await services.recorder
    .createInvocation(request(init, invocation), contextOf(OWNER))
    .catch((caught: unknown) => caught);
  expect(error).toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(message),
  });
});

test.each([
  [-1_000, 'must be at least 10 seconds in the future'],
  [5_000, 'must be at least 10 seconds in the future'],
  [1000 * HOUR_MS, 'must be at most 120 hours in the future'],
])('a deadline in %i ms is refused', async (fromNow, message) => {
  const services = await openServices(await openTestPglite({ migrated: false }));
  const deadline = toTimestamp(services.clock.now() + fromNow);
  await expect(services.create('u-inv', { deadline })).rejects.toMatchObject({
    code: 'invalid-argument',
    message: `invocation: deadline: ${message}`,
  });
});

const thousand = Array.from({ length: 1000 }, (_, index) => `u-${index}`);
test.each([
  ['requests: 1000 requests in a batch; at most 500 are allowed', batchOf('', ...thousand)],
  ['request_id: does not match', batchOf('☃', 'u-a')],
  [
    'requests[0].request_id: must be empty or "outer", as in the batch',
    { ...batchOf('outer', 'u-a'), requests: [request({ requestId: 'inner' })] },
  ],
  ['requests[1]: invocation_id: not an invocation id', batchOf('', 'u-a', 'u-A')],
  ['requests[2].invocation_id: duplicated invocation id "u-a"', batchOf('', 'u-a', 'u-b', 'u-a')],
])('a batch is refused: %s', async (message, batch) => {
  const services = await openServices(await openTestPglite({ migrated: false }));
  await expect(
    services.recorder.batchCreateInvocations(batch, contextOf(OWNER)),
  ).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(message),
  });
});

eachDatabase((open) => {
  describe('permissions come before the content', () => {
    test.each<[Permission, string, Init]>([
      ['resultdb.invocations.create', 'p:r', request()],
      [
        'resultdb.invocations.createWithReservedID',
        'p:@root',
        request({ invocationId: 'build:1' }),
      ],
      [
        'resultdb.invocations.exportToBigQuery',
        'p:@root',
        request({}, { bigqueryExports: [bqExport] }),
      ],
      [
        'resultdb.invocations.setProducerResource',
        'p:@root',
        request({}, { producerResource: '//ci.example.com/builds/1' }),
      ],
    ])('%s is needed in %s', async (permission, realm, init) => {
      const message = create(CreateInvocationRequestSchema, init);
      const denied = await openServices(await open(), { authorizer: denying(permission) });
      await expect(
        denied.recorder.createInvocation({ ...message, requestId: '☃' }, contextOf(OWNER)),
      ).rejects.toMatchObject({
        code: 'permission-denied',
        message: `caller ${OWNER} does not have permission ${permission} in realm "${realm}"`,
      });
      const allowed = await openServices(denied.db, { authorizer: denying(permission, realm) });
      await allowed.recorder.createInvocation(message, contextOf(OWNER));
      expect(await existing(allowed, message.invocationId)).toMatchObject({ createdBy: OWNER });
    });

    test('a caller may include an invocation with the permission in its realm', async () => {
      const authorizer = realmAuthorizer({
        'p:r': { writer: [OWNER] },
        'other:r': { 'resultdb.invocations.create': [OWNER] },
      });
      const services = await openServices(await open(), { authorizer });
      await services.create('u-other', { realm: 'other:r' });
      await expect(
        services.create('u-a', { includedInvocations: ['invocations/u-other'] }),
      ).rejects.toMatchObject({ code: 'permission-denied' });
      expect(await existing(services, 'u-a')).toBeUndefined();
    });
  });

  test('invocations of a batch may include one another, with the permission in their realms', async () => {
    const batch = create(BatchCreateInvocationsRequestSchema, {
      requests: [
        request(
          { invocationId: 'u-a' },
          { realm: 'a:r', includedInvocations: ['invocations/u-b', 'invocations/u-c'] },
        ),
        request(
          { invocationId: 'u-b' },
          { realm: 'b:r', includedInvocations: ['invocations/u-a'] },
        ),
      ],
    });
    const db = await open();
    const denied = await openServices(db, {
      authorizer: denying('resultdb.invocations.include', 'a:r'),
    });
    const send = ({ recorder }: Services) =>
      recorder.batchCreateInvocations(batch, contextOf(OWNER));
    await expect(send(denied)).rejects.toMatchObject({ code: 'permission-denied' });
    const allowed = await openServices(db);
    await expect(send(allowed)).rejects.toMatchObject({ code: 'not-found' });
    await allowed.create('u-c');
    const { invocations } = await send(allowed);
    expect(invocations.map((each) => each.includedInvocations)).toEqual([
      ['invocations/u-b', 'invocations/u-c'],
      ['invocations/u-a'],
    ]);
  });

  test('returns the invocation, and one update token that is valid for it', async () => {
    const services = await openServices(await open());
    const now = services.clock.now();
    const context = contextOf(OWNER);
    const created = await services.recorder.createInvocation(
      request(
        {},
        {
          tags: [
            { key: 'b', value: '1' },
            { key: 'a', value: '2' },
            { key: 'a', value: '1' },
          ],
        },
      ),
      context,
    );
    expect(created).toMatchObject({
      name: 'invocations/u-inv',
      state: Invocation_State.ACTIVE,
      createdBy: OWNER,
      realm: 'p:r',
      createTime: toTimestamp(now),
      deadline: toTimestamp(now + 2 * DAY_MS),
    });
    expect(created.tags.map(({ key, value }) => `${key}:${value}`)).toEqual(['a:1', 'a:2', 'b:1']);
    expect([...context.headers.keys()]).toEqual(['update-token']);
    const token = context.headers.get('update-token') ?? '';
    const finalized = await services.recorder.finalizeInvocation(
      { $typeName: 'luci.resultdb.v1.FinalizeInvocationRequest', name: created.name },
      contextOf('anonymous:anonymous', token),
    );
    expect(finalized.state).toBe(Invocation_State.FINALIZING);
  });

  test('it and its expected results are kept for as long as configured', async () => {
    const services = await openServices(await open());
    const now = services.clock.now();
    await services.create('u-inv');
    expect(await existing(services, 'u-inv')).toMatchObject({
      expirationTime: now + 540 * DAY_MS,
      expectedResultsExpirationTime: now + 60 * DAY_MS,
    });
  });

  test('exports and history options are kept unchanged', async () => {
    const services = await openServices(await open());
    const predicate = {
      predicate: { testIdRegexp: 'a/.*', expectancy: 1, excludeExonerated: true },
    };
    const invocation = {
      bigqueryExports: [bqExport, { ...bqExport, testResults: predicate }],
      historyOptions: { commit: { host: 'h', project: 'p', ref: 'refs/heads/main', position: 7n } },
    };
    const created = await services.recorder.createInvocation(
      request({}, invocation),
      contextOf(OWNER),
    );
    expect(created).toMatchObject(invocation);
  });

  test('an id can be taken once', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    await expect(services.create('u-inv')).rejects.toMatchObject({
      code: 'already-exists',
      message: 'invocations/u-inv already exists',
    });
  });

  test('a repeated request with a request id returns the first invocation, whatever its state', async () => {
    const services = await openServices(await open());
    const call = (caller = OWNER) =>
      services.recorder.createInvocation(request({ requestId: 'r' }), contextOf(caller));
    const first = await call();
    services.clock.advance(HOUR_MS);
    expect(await call()).toEqual(first);
    await expect(call('user:other@example.com')).rejects.toMatchObject({ code: 'already-exists' });
  });

  test('an invocation can be created FINALIZING, with what it includes', async () => {
    const services = await openServices(await open());
    await services.create('u-child');
    const created = await services.create('u-inv', {
      state: Invocation_State.FINALIZING,
      includedInvocations: ['invocations/u-child'],
    });
    expect(created).toMatchObject({
      state: Invocation_State.FINALIZING,
      includedInvocations: ['invocations/u-child'],
    });
    const lease = await services.queue.leaseDue('finalize', 9, 1000);
    expect(lease.map(({ subject }) => subject?.slice(9))).toEqual(['u-inv']);
  });

  test('nothing is created if an included invocation does not exist', async () => {
    const services = await openServices(await open());
    await expect(
      services.create('u-inv', { includedInvocations: ['invocations/u-child'] }),
    ).rejects.toMatchObject({ code: 'not-found' });
    expect(await existing(services, 'u-inv')).toBeUndefined();
  });

  describe('a batch', () => {
    test('creates all, in the order of the requests, each with a token of its own', async () => {
      const services = await openServices(await open());
      const { invocations, updateTokens } = await services.recorder.batchCreateInvocations(
        batchOf('', 'u-b', 'u-a'),
        contextOf(OWNER),
      );
      expect(invocations.map(({ name }) => name)).toEqual(['invocations/u-b', 'invocations/u-a']);
      expect(updateTokens).toHaveLength(2);
      await services.recorder.finalizeInvocation(
        { $typeName: 'luci.resultdb.v1.FinalizeInvocationRequest', name: 'invocations/u-a' },
        contextOf(OWNER, updateTokens[1] ?? ''),
      );
    });

    test('with a request id can be repeated by its caller', async () => {
      const services = await openServices(await open());
      const call = (caller = OWNER) =>
        services.recorder.batchCreateInvocations(batchOf('r', 'u-a', 'u-b'), contextOf(caller));
      const first = await call();
      expect((await call()).invocations).toEqual(first.invocations);
      await expect(call('user:x@y.z')).rejects.toMatchObject({ code: 'already-exists' });
    });

    test('creates nothing if one id is taken', async () => {
      const services = await openServices(await open());
      await services.create('u-b');
      await expect(
        services.recorder.batchCreateInvocations(batchOf('r', 'u-a', 'u-b'), contextOf(OWNER)),
      ).rejects.toMatchObject({ code: 'already-exists' });
      expect(await existing(services, 'u-a')).toBeUndefined();
    });

    test('may be empty', async () => {
      const services = await openServices(await open());
      expect(
        await services.recorder.batchCreateInvocations(batchOf(''), contextOf(OWNER)),
      ).toMatchObject({ invocations: [], updateTokens: [] });
    });

    test('needs permission for each of its requests', async () => {
      const authorizer = realmAuthorizer({ 'p:r': { writer: [OWNER] } });
      const services = await openServices(await open(), { authorizer });
      await expect(
        services.recorder.batchCreateInvocations(batchOf('', 'u-a', 'build:1'), contextOf(OWNER)),
      ).rejects.toMatchObject({ code: 'permission-denied' });
      expect(await existing(services, 'u-a')).toBeUndefined();
    });
  });
});
