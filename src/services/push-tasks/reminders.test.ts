import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import {
  insertDeadReminders,
  insertReminder,
  reminderId,
} from '../../../test/support/tq/reminders.ts';
import {
  ListDeadRemindersRequestSchema,
  ListRemindersRequestSchema,
  RedriveRemindersRequestSchema,
  SweepRemindersRequestSchema,
} from '../../gen/postlude/v1/push_tasks_pb.js';
import { realmAuthorizer, TASKS_REALM } from '../shared/permissions.ts';
import { toTimestamp } from '../shared/timestamp.ts';

const FRESH_MS = 60_000;
type RedriveInit = MessageInitShape<typeof RedriveRemindersRequestSchema>;

function list(
  { pushTasks }: Services,
  init: MessageInitShape<typeof ListRemindersRequestSchema> = {},
) {
  return pushTasks.listReminders(create(ListRemindersRequestSchema, init), contextOf(OWNER));
}

function listDead(
  { pushTasks }: Services,
  init: MessageInitShape<typeof ListDeadRemindersRequestSchema> = {},
) {
  const request = create(ListDeadRemindersRequestSchema, init);
  return pushTasks.listDeadReminders(request, contextOf(OWNER));
}

function redrive({ pushTasks }: Services, init: RedriveInit) {
  return pushTasks.redriveReminders(create(RedriveRemindersRequestSchema, init), contextOf(OWNER));
}

function sweep({ pushTasks }: Services) {
  return pushTasks.sweepReminders(create(SweepRemindersRequestSchema), contextOf(OWNER));
}

const A = reminderId('a');
const B = reminderId('b');
const C = reminderId('c');

/** A stale reminder, and one that is fresh; in this order. */
async function remind({ db, clock }: Services): Promise<void> {
  await insertReminder(db, 'a', clock.now() - FRESH_MS);
  await insertReminder(db, 'b', clock.now());
}

async function kill({ db, clock }: Services): Promise<void> {
  await insertDeadReminders(db, ['a', 'b', 'c'], clock.now());
}

test.each<[string, RedriveInit]>([
  ['needs an id, or all', {}],
  ['id: must not be empty', { target: { case: 'id', value: '' } }],
  ['all: must be true', { target: { case: 'all', value: false } }],
])('redriving is refused: %s', async (message, init) => {
  const services = await openServices(await openTestPglite({ migrated: false }));
  const code = 'invalid-argument';
  await expect(redrive(services, init)).rejects.toMatchObject({ code, message });
});

eachDatabase((open) => {
  test('shows reminders, and which of them are stale', async () => {
    const services = await openServices(await open());
    await remind(services);
    const now = services.clock.now();
    const first = await list(services, { pageSize: 1 });
    expect(first.reminders).toMatchObject([
      { id: A, classId: 'mail', stale: true, freshUntil: toTimestamp(now) },
    ]);
    const second = await list(services, { pageSize: 1, pageToken: first.nextPageToken });
    expect(second.reminders).toMatchObject([
      {
        id: B,
        stale: false,
        createTime: toTimestamp(now),
        freshUntil: toTimestamp(now + FRESH_MS),
      },
    ]);
    const third = await list(services, { pageSize: 1, pageToken: second.nextPageToken });
    expect(third).toMatchObject({ reminders: [], nextPageToken: '' });
  });

  test('shows dead reminders with their reasons, in pages', async () => {
    const services = await openServices(await open());
    await kill(services);
    const first = await listDead(services, { pageSize: 2 });
    expect(first.reminders).toMatchObject([
      { id: A, classId: 'mail', reason: 'no queue for a' },
      { id: B, deadTime: toTimestamp(services.clock.now()) },
    ]);
    const second = await listDead(services, { pageSize: 2, pageToken: first.nextPageToken });
    expect(second).toMatchObject({ reminders: [{ id: C }], nextPageToken: '' });
  });

  test('redrives one reminder, or all; the next sweep submits them', async () => {
    const services = await openServices(await open());
    await kill(services);
    const one = { case: 'id', value: B } as const;
    expect(await redrive(services, { target: one })).toMatchObject({ redriven: 1n });
    expect(await redrive(services, { target: one })).toMatchObject({ redriven: 0n });
    expect((await list(services)).reminders).toMatchObject([{ id: B, stale: true }]);
    const all = { case: 'all', value: true } as const;
    expect(await redrive(services, { target: all })).toMatchObject({ redriven: 2n });
    expect(await sweep(services)).toMatchObject({ scanned: 3n, submitted: 3n, whole: true });
    expect((await services.inspector.depth('tq')).due).toBe(3);
  });

  test('sweeps stale reminders, and says how it went', async () => {
    const services = await openServices(await open());
    await remind(services);
    expect(await sweep(services)).toMatchObject({
      scanned: 2n,
      stale: 1n,
      submitted: 1n,
      kept: 0n,
      dead: 0n,
      missing: 0n,
      whole: true,
    });
    expect((await list(services)).reminders).toMatchObject([{ id: B }]);
  });

  test('refuses to sweep while another sweep is under way in this process', async () => {
    const services = await openServices(await open());
    const outcomes = await Promise.allSettled([sweep(services), sweep(services)]);
    expect(outcomes).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'failed-precondition' } },
    ]);
  });

  test('seeing reminders and moving them are permissions of their own', async () => {
    const authorizer = realmAuthorizer({ [TASKS_REALM]: { 'postlude.tasks.list': [OWNER] } });
    const services = await openServices(await open(), { authorizer });
    await list(services);
    await listDead(services);
    const denied = { code: 'permission-denied' };
    await expect(sweep(services)).rejects.toMatchObject(denied);
    await expect(redrive(services, { target: { case: 'all', value: true } })).rejects.toMatchObject(
      denied,
    );
  });
});
