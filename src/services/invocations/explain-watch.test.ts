import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import { Invocation_State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { FinalizeInvocationRequestSchema } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import {
  ExplainInvocationRequestSchema,
  Explanation_Reason as Reason,
  WatchInvocationRequestSchema,
  type WatchInvocationResponse,
} from '../../gen/postlude/v1/invocations_pb.js';
import { realmAuthorizer } from '../shared/permissions.ts';

function finalize(services: Services, id: string) {
  const request = create(FinalizeInvocationRequestSchema, { name: `invocations/${id}` });
  return services.recorder.finalizeInvocation(request, services.owner(id));
}

async function explain(services: Services, id: string) {
  const request = create(ExplainInvocationRequestSchema, { name: `invocations/${id}` });
  const { explanation } = await services.invocations.explainInvocation(request, contextOf(OWNER));
  return { reason: explanation?.reason, chain: explanation?.chain.map(({ name }) => name) };
}

function watch(services: Services, context = contextOf(OWNER)) {
  const request = create(WatchInvocationRequestSchema, { name: 'invocations/u-top' });
  return services.invocations.watchInvocation(request, context)[Symbol.asyncIterator]();
}

function shortForm({ value }: IteratorResult<WatchInvocationResponse>) {
  return [Invocation_State[value?.invocation?.state], Reason[value?.explanation?.reason]];
}

/** u-top includes u-child. */
async function openPair(services: Services): Promise<void> {
  await services.create('u-child');
  await services.create('u-top', { includedInvocations: ['invocations/u-child'] });
}

eachDatabase((open) => {
  test('explains what an invocation waits for, from its own owner to the end', async () => {
    const services = await openServices(await open());
    await openPair(services);
    expect(await explain(services, 'u-top')).toEqual({
      reason: Reason.ACTIVE,
      chain: ['invocations/u-top'],
    });
    await finalize(services, 'u-top');
    expect(await explain(services, 'u-top')).toMatchObject({ reason: Reason.BEING_DECIDED });
    await services.finalizeAll();
    expect(await explain(services, 'u-top')).toEqual({
      reason: Reason.WAITS_FOR_ACTIVE,
      chain: ['invocations/u-top', 'invocations/u-child'],
    });
    await finalize(services, 'u-child');
    await services.finalizeAll();
    expect(await explain(services, 'u-top')).toEqual({
      reason: Reason.FINALIZED,
      chain: ['invocations/u-top'],
    });
  });

  test('names the owner and the deadline of the invocation that holds it up', async () => {
    const services = await openServices(await open());
    await openPair(services);
    await finalize(services, 'u-top');
    await services.finalizeAll();
    const request = create(ExplainInvocationRequestSchema, { name: 'invocations/u-top' });
    const { explanation } = await services.invocations.explainInvocation(request, contextOf(OWNER));
    expect(explanation?.chain.at(-1)).toMatchObject({
      name: 'invocations/u-child',
      state: Invocation_State.ACTIVE,
      createdBy: OWNER,
      deadline: { seconds: BigInt(Math.floor(services.clock.now() / 1000) + 2 * 86_400) },
    });
  });

  test('explaining and watching need an invocation that exists, and permission to see it', async () => {
    const db = await open();
    const services = await openServices(db, { authorizer: realmAuthorizer({}) });
    await expect(explain(services, 'u-top')).rejects.toMatchObject({ code: 'not-found' });
    await expect(watch(services).next()).rejects.toMatchObject({ code: 'not-found' });
    await openPair(await openServices(db));
    await expect(explain(services, 'u-top')).rejects.toMatchObject({ code: 'permission-denied' });
    await expect(watch(services).next()).rejects.toMatchObject({ code: 'permission-denied' });
  });

  test('a watcher is told of each change at once, and of nothing after FINALIZED', async () => {
    const services = await openServices(await open());
    await openPair(services);
    const watcher = watch(services);
    expect(shortForm(await watcher.next())).toEqual(['ACTIVE', 'ACTIVE']);

    const finalizing = watcher.next();
    await services.clock.untilSleepers(1);
    await finalize(services, 'u-top');
    expect(shortForm(await finalizing)).toEqual(['FINALIZING', 'BEING_DECIDED']);

    const waiting = watcher.next();
    await services.clock.untilSleepers(1);
    await services.finalizeAll();
    expect(shortForm(await waiting)).toEqual(['FINALIZING', 'WAITS_FOR_ACTIVE']);

    await finalize(services, 'u-child');
    await services.finalizeAll();
    let last = await watcher.next();
    // What the child's own end changed may be read first.
    while (last.value?.explanation?.reason === Reason.BEING_DECIDED) last = await watcher.next();
    expect(shortForm(last)).toEqual(['FINALIZED', 'FINALIZED']);
    expect((await watcher.next()).done).toBe(true);
  });

  test('a change whose announcement was lost is found by polling', async () => {
    const db = await open();
    const services = await openServices(db);
    await openPair(services);
    const watcher = watch(services);
    await watcher.next();
    const next = watcher.next();
    await services.clock.untilSleepers(1);
    const silent = await openServices(db, { announces: false });
    await finalize({ ...services, recorder: silent.recorder }, 'u-top');
    services.clock.advance(2_000);
    expect(shortForm(await next)).toEqual(['FINALIZING', 'BEING_DECIDED']);
  });

  test('a watcher of something FINALIZED is told once', async () => {
    const services = await openServices(await open());
    await services.create('u-top');
    await finalize(services, 'u-top');
    await services.finalizeAll();
    const watcher = watch(services);
    expect(shortForm(await watcher.next())).toEqual(['FINALIZED', 'FINALIZED']);
    expect((await watcher.next()).done).toBe(true);
  });

  test('a watch ends when its watcher disconnects', async () => {
    const services = await openServices(await open());
    await services.create('u-top');
    const controller = new AbortController();
    const watcher = watch(services, { ...contextOf(OWNER), signal: controller.signal });
    await watcher.next();
    const next = watcher.next();
    await services.clock.untilSleepers(1);
    controller.abort();
    expect((await next).done).toBe(true);
    expect(services.clock.sleepers).toBe(0);
  });
});
