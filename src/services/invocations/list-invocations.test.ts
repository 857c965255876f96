import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import { newInvocation } from '../../../test/support/invocations/fixtures.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import { Invocation_State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { FinalizeInvocationRequestSchema } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import {
  ListInvocationsRequestSchema,
  ListInvocationsResponseSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { insertInvocations } from '../../invocations/invocations.ts';
import { realmAuthorizer } from '../shared/permissions.ts';
import { toTimestamp } from '../shared/timestamp.ts';

type Init = MessageInitShape<typeof ListInvocationsRequestSchema>;

const HOUR_MS = 3_600_000;

function page({ invocations }: Services, init: Init, caller = OWNER) {
  const request = create(ListInvocationsRequestSchema, { realm: 'p:r', ...init });
  return invocations.listInvocations(request, contextOf(caller));
}

/** The ids on all pages. */
async function ids(services: Services, init: Init = {}): Promise<string[]> {
  const found: string[] = [];
  let pageToken = '';
  do {
    const answer = await page(services, { ...init, pageToken });
    found.push(...answer.invocations.map(({ name }) => name.slice('invocations/'.length)));
    pageToken = answer.nextPageToken;
  } while (pageToken !== '');
  return found;
}

async function finalize(services: Services, id: string): Promise<void> {
  const request = create(FinalizeInvocationRequestSchema, { name: `invocations/${id}` });
  await services.recorder.finalizeInvocation(request, services.owner(id));
}

/** One an hour: a1 with an hour to live, …, a5 with five; a3 of another realm; a4 FINALIZED. */
async function openHours(services: Services): Promise<void> {
  const { clock } = services;
  for (const hour of [1, 2, 3, 4, 5]) {
    await services.create(`a${hour}`, {
      realm: hour === 3 ? 'p:other' : 'p:r',
      deadline: toTimestamp(clock.now() + hour * HOUR_MS),
      tags: [
        {
          $typeName: 'luci.resultdb.v1.StringPair',
          key: 'branch',
          value: hour < 4 ? 'main' : 'dev',
        },
        { $typeName: 'luci.resultdb.v1.StringPair', key: 'job', value: `${hour % 2}` },
      ],
    });
    clock.advance(HOUR_MS / 4);
  }
  await finalize(services, 'a4');
  await services.finalizeAll();
}

eachDatabase((open) => {
  test('lists the newest first, and selects by state, tags and age', async () => {
    const services = await openServices(await open());
    await openHours(services);
    expect(await ids(services)).toEqual(['a5', 'a4', 'a2', 'a1']);
    expect(await ids(services, { pageSize: 1 })).toEqual(['a5', 'a4', 'a2', 'a1']);
    expect(await ids(services, { state: Invocation_State.FINALIZED })).toEqual(['a4']);
    expect(await ids(services, { tags: [{ key: 'branch', value: 'main' }] })).toEqual(['a2', 'a1']);
    const both = [
      { key: 'job', value: '1' },
      { key: 'branch', value: 'main' },
    ];
    expect(await ids(services, { tags: both })).toEqual(['a1']);
    const [, , second] = (await page(services, {})).invocations;
    const at = second?.createTime;
    if (at === undefined) throw new Error('a2 has no time');
    expect(await ids(services, { createdFrom: at })).toEqual(['a5', 'a4', 'a2']);
    expect(await ids(services, { createdUntil: at })).toEqual(['a1']);
    expect(await ids(services, { realm: 'p:other' })).toEqual(['a3']);
  });

  test('lists ACTIVE invocations in the order of their ends, or only the overdue ones', async () => {
    const services = await openServices(await open());
    await openHours(services);
    services.clock.advance(HOUR_MS);
    const active = { state: Invocation_State.ACTIVE };
    expect(await ids(services, active)).toEqual(['a1', 'a2', 'a5']);
    expect(await ids(services, { ...active, pageSize: 1 })).toEqual(['a1', 'a2', 'a5']);
    expect(await ids(services, { overdue: true })).toEqual(['a1', 'a2']);
    const { invocations } = await page(services, active);
    expect(invocations.map(({ isOverdue }) => isOverdue)).toEqual([true, true, false]);
  });

  test('lists each once, even if hundreds were created at the same time', async () => {
    const services = await openServices(await open());
    const names = Array.from({ length: 450 }, (_, index) => `i${index}`);
    const rows = names.map((name) => newInvocation(name, { realm: 'p:r', createTime: 1000 }));
    await services.db.write((tx) => insertInvocations(tx, rows));
    const found = await ids(services, { pageSize: 70 });
    expect(found.length).toBe(450);
    expect(new Set(found)).toEqual(new Set(names));
    const ends = await ids(services, { pageSize: 70, state: Invocation_State.ACTIVE });
    expect(ends.length).toBe(450);
    expect(new Set(ends)).toEqual(new Set(names));
  });

  test('ends pages of invocations with long tags early, and lists each once', async () => {
    const services = await openServices(await open());
    const names = Array.from({ length: 300 }, (_, index) => `i${index}`);
    const tags = Array.from({ length: 250 }, (_, index) => ({
      key: `k${index}`,
      value: 'v'.repeat(60),
    }));
    const rows = names.map((name, index) =>
      newInvocation(name, { realm: 'p:r', createTime: 1000 + index, tags }),
    );
    await services.db.write((tx) => insertInvocations(tx, rows));
    const first = await page(services, { pageSize: 1000 });
    expect(first.invocations[0]?.tags).toHaveLength(250);
    expect(toBinary(ListInvocationsResponseSchema, first).length).toBeLessThan(4 * 1024 * 1024);
    expect(first.invocations.length).toBeGreaterThan(100);
    expect(await ids(services, { pageSize: 1000 })).toEqual(names.toReversed());
  });
});

test('needs the permission in the listed realm', async () => {
  const authorizer = realmAuthorizer({ 'p:r': { reader: [OWNER] } });
  const services = await openServices(await openTestPglite(), { authorizer });
  expect((await page(services, {})).invocations).toEqual([]);
  await expect(page(services, { realm: 'p:other' })).rejects.toThrow(
    'does not have permission resultdb.invocations.get in realm "p:other"',
  );
});

test.each<[string, Init]>([
  ['realm: must not be empty', { realm: '' }],
  ['state: what is overdue is ACTIVE', { overdue: true, state: Invocation_State.FINALIZED }],
  ['tags: "A":"": key: ', { tags: [{ key: 'A', value: '' }] }],
  ['page_token: ', { pageToken: 'x' }],
  ['page_size: ', { pageSize: -1 }],
])('is refused: %s', async (message, init) => {
  const services = await openServices(await openTestPglite());
  await expect(page(services, init)).rejects.toThrow(message);
});
