import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import { openServices, type Services } from '../../../test/support/server/rpc-services.ts';
import { withMembers } from '../../../test/support/with-members.ts';
import { Invocation_State as State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { BatchFinalizeInvocationsRequestSchema } from '../../gen/postlude/v1/invocations_pb.js';

const nameOf = (id: string): string => `invocations/${id}`;

function tokenOf({ owner }: Services, id: string): string {
  return owner(id).updateTokens[0] ?? '';
}

/** The header has the token of the first one. */
async function finalize(services: Services, requests: { name: string; updateToken?: string }[]) {
  const request = create(BatchFinalizeInvocationsRequestSchema, { requests });
  const context = services.owner(requests[0]?.name.split('/')[1] ?? 'none');
  return (await services.invocations.batchFinalizeInvocations(request, context)).states;
}

async function finalizeAll(services: Services, ids: readonly string[]) {
  return await finalize(
    services,
    ids.map((id) => ({ name: nameOf(id), updateToken: tokenOf(services, id) })),
  );
}

async function tasksOf({ inspector }: Services): Promise<number> {
  return (await inspector.list({ limit: 1_000 })).length;
}

eachDatabase((open) => {
  test('finalizes each that is ACTIVE, and tells the state of the others', async () => {
    const services = await openServices(await open());
    for (const id of ['u-a', 'u-b', 'u-over']) await services.create(id);
    await finalizeAll(services, ['u-over']);
    await services.finalizeAll();
    const ids = ['u-b', 'u-over', 'u-a'];
    const states = [State.FINALIZING, State.FINALIZED, State.FINALIZING];
    expect(await finalizeAll(services, ids)).toEqual(states);
    expect(await finalizeAll(services, ids)).toEqual(states);
    expect(await tasksOf(services)).toBe(2);
    await services.finalizeAll();
    expect(await finalizeAll(services, ids)).toEqual(ids.map(() => State.FINALIZED));
  });
});

test('takes the token of one of them from the header', async () => {
  const services = await openServices(await openTestPglite());
  for (const id of ['u-a', 'u-b']) await services.create(id);
  const other = { name: nameOf('u-b'), updateToken: tokenOf(services, 'u-b') };
  expect(await finalize(services, [{ name: nameOf('u-a') }, other])).toHaveLength(2);
});

test('commits many in few transactions', async () => {
  const db = await openTestPglite();
  let transactions = 0;
  const write: typeof db.write = (...given) => {
    transactions += 1;
    return db.write(...given);
  };
  const services = await openServices(withMembers(db, { write }));
  const ids = Array.from({ length: 500 }, (_, index) => `u-${index}`);
  for (const id of ids) await services.create(id);
  transactions = 0;
  expect(await finalizeAll(services, ids)).toHaveLength(500);
  expect(transactions).toBeLessThan(10);
});

test.each([
  ['no requests', [], 'requests: must not be empty'],
  ['too many requests', Array(501).fill({ name: nameOf('u-a') }), '501 requests in a batch'],
  ['a bad name', [{ name: 'u-a' }], 'requests[0]: name: '],
  ['an invocation twice', ['u-a', 'u-a'].map((id) => ({ name: nameOf(id) })), 'requests[1]: the'],
  ['the token of another one', ['u-a', 'u-b'].map((id) => ({ name: nameOf(id) })), 'invalid upd'],
  ['a forged token', [{ name: nameOf('u-a'), updateToken: 'AQ' }], 'invalid update token'],
])('refuses %s before anything changes', async (_, requests, problem) => {
  const services = await openServices(await openTestPglite());
  for (const id of ['u-a', 'u-b']) await services.create(id);
  await expect(finalize(services, requests)).rejects.toThrow(problem);
  expect(await tasksOf(services)).toBe(0);
});

test('fails if one of them does not exist, and can be repeated without it', async () => {
  const services = await openServices(await openTestPglite());
  await services.create('u-a');
  await expect(finalizeAll(services, ['u-a', 'u-none'])).rejects.toThrow(
    'invocations/u-none does not exist',
  );
  expect(await finalizeAll(services, ['u-a'])).toEqual([State.FINALIZING]);
});
