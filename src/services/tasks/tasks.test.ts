import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { noPayload, taskType } from '@postlude/queue';
import { expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import {
  GetTaskRequestSchema,
  ListDeadTasksRequestSchema,
  ListTasksRequestSchema,
  RedriveTasksRequestSchema,
  Task_State,
  type TaskNameSchema,
} from '../../gen/postlude/v1/tasks_pb.js';
import { parseInvocationId, toRowId } from '../../invocations/id.ts';
import { realmAuthorizer, TASKS_REALM } from '../shared/permissions.ts';
import { toTimestamp } from '../shared/timestamp.ts';

const email = taskType('email', noPayload);
const sms = taskType('sms', noPayload);

type ListInit = MessageInitShape<typeof ListTasksRequestSchema>;
type RedriveInit = MessageInitShape<typeof RedriveTasksRequestSchema>;

function list(services: Services, init: ListInit = {}) {
  return services.tasks.listTasks(create(ListTasksRequestSchema, init), contextOf(OWNER));
}

function listDead(
  services: Services,
  init: MessageInitShape<typeof ListDeadTasksRequestSchema> = {},
) {
  return services.tasks.listDeadTasks(create(ListDeadTasksRequestSchema, init), contextOf(OWNER));
}

function get(services: Services, name: MessageInitShape<typeof TaskNameSchema>) {
  return services.tasks.getTask(create(GetTaskRequestSchema, { name }), contextOf(OWNER));
}

function redrive(services: Services, init: RedriveInit) {
  return services.tasks.redriveTasks(create(RedriveTasksRequestSchema, init), contextOf(OWNER));
}

/** One leased, two due, one scheduled; in this order. */
async function enqueueAll(services: Services): Promise<void> {
  const { clock, queue } = services;
  const now = clock.now();
  const subject = toRowId(parseInvocationId('u-inv'));
  await queue.enqueue([
    { type: email, id: 'a', processAfter: now - 3, subject },
    { type: email, id: 'b', processAfter: now - 2 },
    { type: sms, id: 'c', processAfter: now - 1, subject: 'order 7' },
    { type: sms, id: 'd', processAfter: now + 1000 },
  ]);
  await queue.lease('email', 'a', 5000);
}

async function killAll(services: Services): Promise<void> {
  const { queue } = services;
  await queue.enqueue([
    { type: email, id: 'a' },
    { type: email, id: 'b' },
    { type: sms, id: 'c' },
  ]);
  for (const [type, id] of [
    ['email', 'a'],
    ['email', 'b'],
    ['sms', 'c'],
  ] as const) {
    const lease = await queue.lease(type, id, 1000);
    if (lease) await queue.markDead(lease, `reason of ${id}`);
  }
}

test.each<[string, RedriveInit]>([
  ['needs a task, a type, or all', {}],
  ['all: must be true', { target: { case: 'all', value: false } }],
  ['type: ', { target: { case: 'type', value: '' } }],
  ['task: id: ', { target: { case: 'task', value: { type: 'email' } } }],
])('redriving is refused: %s', async (message, init) => {
  const services = await openServices(await openTestPglite({ migrated: false }));
  await expect(redrive(services, init)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(message),
  });
});

test.each([
  ['name: type: ', undefined],
  ['name: type: ', { id: 'a' }],
  ['name: id: ', { type: 'email' }],
])('one task is refused without its name: %s%o', async (message, name) => {
  const services = await openServices(await openTestPglite({ migrated: false }));
  const request = create(GetTaskRequestSchema, name === undefined ? {} : { name });
  await expect(services.tasks.getTask(request, contextOf(OWNER))).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(message),
  });
});

eachDatabase((open) => {
  test('finds one task by its name: the living one, or else the dead one', async () => {
    const services = await openServices(await open());
    const name = { type: 'email', id: 'a' };
    await expect(get(services, name)).rejects.toMatchObject({ code: 'not-found' });
    await killAll(services);
    const dead = { type: 'email', id: 'a', reason: 'reason of a' };
    expect((await get(services, name)).found).toMatchObject({ case: 'dead', value: dead });
    await services.queue.enqueue([{ type: email, id: 'a' }]);
    const living = { type: 'email', id: 'a', state: Task_State.DUE };
    expect((await get(services, name)).found).toMatchObject({ case: 'task', value: living });
    await expect(get(services, { type: 'sms', id: 'a' })).rejects.toMatchObject({
      code: 'not-found',
      message: 'no task sms a: it is done, or never was',
    });
  });

  test('shows where each task stands', async () => {
    const services = await openServices(await open());
    await enqueueAll(services);
    const now = services.clock.now();
    const { tasks, nextPageToken } = await list(services);
    expect(tasks.map(({ id, state }) => [id, Task_State[state]])).toEqual([
      ['a', 'LEASED'],
      ['b', 'DUE'],
      ['c', 'DUE'],
      ['d', 'SCHEDULED'],
    ]);
    expect(tasks[0]).toMatchObject({
      type: 'email',
      invocation: 'invocations/u-inv',
      attempt: 1,
      leaseUntil: toTimestamp(now + 5000),
    });
    expect(tasks[2]?.invocation).toBe('order 7');
    expect(nextPageToken).toBe('');
  });

  test('filters tasks by type and state', async () => {
    const services = await openServices(await open());
    await enqueueAll(services);
    const ids = async (init: ListInit) => (await list(services, init)).tasks.map(({ id }) => id);
    expect(await ids({ type: 'sms' })).toEqual(['c', 'd']);
    expect(await ids({ state: Task_State.DUE })).toEqual(['b', 'c']);
    expect(await ids({ state: Task_State.LEASED })).toEqual(['a']);
    expect(await ids({ state: Task_State.SCHEDULED, type: 'email' })).toEqual([]);
  });

  test('pages of tasks add up to the whole', async () => {
    const services = await openServices(await open());
    await enqueueAll(services);
    const ids: string[] = [];
    let pageToken = '';
    do {
      const page = await list(services, { pageSize: 1, pageToken });
      ids.push(...page.tasks.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(ids).toEqual(['a', 'b', 'c', 'd']);
  });

  test('shows dead tasks with their reasons, in pages', async () => {
    const services = await openServices(await open());
    await killAll(services);
    const first = await listDead(services, { pageSize: 2 });
    expect(first.tasks).toMatchObject([
      { type: 'email', id: 'a', attempts: 1, reason: 'reason of a' },
      { type: 'email', id: 'b' },
    ]);
    const second = await listDead(services, { pageSize: 2, pageToken: first.nextPageToken });
    expect(second).toMatchObject({ tasks: [{ id: 'c' }], nextPageToken: '' });
    expect((await listDead(services, { type: 'sms' })).tasks).toHaveLength(1);
  });

  test('one task is shown only with the permission to see tasks', async () => {
    const services = await openServices(await open(), { authorizer: realmAuthorizer({}) });
    await expect(get(services, { type: 'email', id: 'a' })).rejects.toMatchObject({
      code: 'permission-denied',
    });
  });

  test('redrives one task, those of a type, or all', async () => {
    const services = await openServices(await open());
    await killAll(services);
    const one = { case: 'task', value: { type: 'email', id: 'a' } } as const;
    expect(await redrive(services, { target: one })).toMatchObject({ redriven: 1n });
    expect(await redrive(services, { target: one })).toMatchObject({ redriven: 0n });
    const sameType = { case: 'type', value: 'email' } as const;
    expect(await redrive(services, { target: sameType })).toMatchObject({ redriven: 1n });
    const all = { case: 'all', value: true } as const;
    expect(await redrive(services, { target: all })).toMatchObject({ redriven: 1n });
    expect((await list(services, { state: Task_State.DUE })).tasks).toHaveLength(3);
  });

  test('seeing tasks and redriving them are permissions of their own', async () => {
    const authorizer = realmAuthorizer({ [TASKS_REALM]: { 'postlude.tasks.list': [OWNER] } });
    const services = await openServices(await open(), { authorizer });
    await list(services);
    await listDead(services);
    await expect(get(services, { type: 'email', id: 'a' })).rejects.toThrow('no task email a');
    await expect(redrive(services, { target: { case: 'all', value: true } })).rejects.toMatchObject(
      { code: 'permission-denied' },
    );
  });
});
