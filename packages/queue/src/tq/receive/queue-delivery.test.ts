import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import {
  eachDatabase,
  type OpenDatabase,
} from '../../../../../test/support/databases/databases.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import { MAIL, NOTICE, openTqWorld } from '../../../../../test/support/tq/tq-world.ts';
import { IgnoredError, PermanentError } from '../../foundations/errors.ts';
import { Dispatcher } from '../../tasks/dispatch/dispatcher.ts';
import { TaskInspector } from '../../tasks/inspect/task-inspector.ts';
import { noPayload } from '../../tasks/payload.ts';
import { TaskQueue } from '../../tasks/queue.ts';
import { type PushTask, taskClass } from '../classes/task-class.ts';
import { TaskClasses } from '../classes/task-classes.ts';
import { QueueSubmitter } from '../submit/queue-submitter.ts';
import { Tq, type TqOptions } from '../tq.ts';
import {
  type Deliver,
  deliverByHttp,
  deliverInProcess,
  deliveryHandler,
} from './queue-delivery.ts';

const payload = { to: 'a' };

async function openQueueWorld(open: OpenDatabase, settings: TqOptions['settings'] = {}) {
  const db = await open();
  const { classes, clock, reminders } = openTqWorld(db);
  const queue = new TaskQueue({ db, clock });
  const inspector = new TaskInspector({ db, clock });
  const tq = new Tq({ db, classes, clock, settings, submitter: new QueueSubmitter(queue) });
  const inProcess = deliverInProcess({ classes, clock });
  const dispatcher = (deliver: Deliver = inProcess): Dispatcher =>
    new Dispatcher({ queue, clock, handlers: [deliveryHandler(deliver)], random: () => 0.5 });
  return {
    db,
    classes,
    clock,
    queue,
    tq,
    reminders,
    dispatcher,
    living: () => inspector.list({ limit: 100 }),
    dead: () => inspector.listDead({ limit: 100 }),
  };
}

eachDatabase((open) => {
  test('the commit itself puts a task into the queue, without a reminder', async () => {
    const { db, classes, tq, reminders, dispatcher } = await openQueueWorld(open);
    const handled: PushTask[] = [];
    classes.attach(MAIL, async (mail) => void handled.push(mail));
    const rolledBack = db.write(async (tx) => {
      await tq.addTask({ class: MAIL, payload: { to: 'nobody' } }, tx);
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    await db.write((tx) => tq.addTask({ class: MAIL, payload }, tx));
    expect(await reminders()).toEqual([]);
    expect(await dispatcher().runOnce()).toBe(1);
    expect(handled).toMatchObject([{ payload, queue: 'post', attempt: 1 }]);
  });

  test('a task is added once although the first response is lost', async () => {
    const { db, classes, clock, queue, living } = await openQueueWorld(open);
    let attempts = 0;
    const enqueue = async (...given: Parameters<TaskQueue['enqueue']>) => {
      const outcome = await queue.enqueue(...given);
      if (++attempts === 1) throw new Error('connection lost');
      return outcome;
    };
    const submitter = new QueueSubmitter({ enqueue: enqueue as TaskQueue['enqueue'] });
    const tq = new Tq({ db, classes, clock, submitter });
    expect(await tq.addTask({ class: MAIL, payload })).toBe('added');
    expect(attempts).toBe(2);
    expect(await living()).toHaveLength(1);
  });

  test('tasks with one key are one task while the first lives', async () => {
    const { classes, tq, dispatcher } = await openQueueWorld(open);
    classes.attach(MAIL, async () => undefined);
    const task = { class: MAIL, payload, deduplicationKey: 'k' };
    expect(await tq.addTask(task)).toBe('added');
    expect(await tq.addTask(task)).toBe('duplicate');
    await dispatcher().runOnce();
    expect(await tq.addTask(task)).toBe('added');
  });

  test('a task whose handler kills its process is dead once its attempts are used up', async () => {
    const { clock, queue, tq, living, dead } = await openQueueWorld(open);
    await tq.addTask({ class: MAIL, payload });
    let starts = 0;
    for (let life = 0; life < 5; life++) {
      const died = new Signal();
      const deliver = async () => {
        starts += 1;
        died.emit();
        await new Promise(() => undefined);
      };
      const handlers = [deliveryHandler(deliver, { maxAttempts: 2 })];
      await Promise.race([new Dispatcher({ queue, clock, handlers }).runOnce(), died.next()]);
      clock.advance(60_000);
    }
    expect(starts).toBe(2);
    expect(await living()).toEqual([]);
    expect(await dead()).toMatchObject([{ reason: expect.stringMatching(/died 2 times/) }]);
  });

  test('a task of a class without a payload is added and handled without one', async () => {
    const { db, clock } = await openQueueWorld(open);
    const nightly = taskClass({
      id: 'nightly',
      payload: noPayload,
      kind: 'follows-context',
      queue: 'post',
    });
    const classes = new TaskClasses([nightly]);
    const handled: PushTask[] = [];
    classes.attach(nightly, async (task) => void handled.push(task));
    const queue = new TaskQueue({ db, clock });
    await new Tq({ db, classes, clock, submitter: new QueueSubmitter(queue) }).addTask({
      class: nightly,
    });
    const handlers = [deliveryHandler(deliverInProcess({ classes, clock }))];
    await new Dispatcher({ queue, clock, handlers }).runOnce();
    expect(handled).toMatchObject([{ classId: 'nightly', payload: undefined, attempt: 1 }]);
  });

  test('a task does not run before its time', async () => {
    const { classes, clock, tq, dispatcher } = await openQueueWorld(open);
    const dueTimes: (number | undefined)[] = [];
    classes.attach(MAIL, async ({ processAfter }) => void dueTimes.push(processAfter));
    const dueTime = clock.now() + 5_000;
    await tq.addTask({ class: MAIL, payload, delayMs: 5_000 });
    expect(await dispatcher().runOnce()).toBe(0);
    clock.advance(5_000);
    expect(await dispatcher().runOnce()).toBe(1);
    expect(dueTimes).toEqual([dueTime]);
  });

  test('after an error a task runs again; a PermanentError makes it dead; an IgnoredError ends it', async () => {
    const { classes, clock, tq, dispatcher, living, dead } = await openQueueWorld(open);
    classes.attach(MAIL, ({ payload: { to }, attempt }) => {
      if (to === 'fatal') throw new PermanentError('never');
      if (to === 'ignored') throw new IgnoredError('too late');
      return attempt === 1 ? Promise.reject(new Error('later')) : Promise.resolve();
    });
    for (const to of ['fatal', 'ignored', 'retry'])
      await tq.addTask({ class: MAIL, payload: { to } });
    await dispatcher().runOnce();
    expect(await dead()).toMatchObject([{ type: 'tq', reason: expect.stringContaining('never') }]);
    expect(await living()).toHaveLength(1);
    clock.advance(60_000);
    await dispatcher().runOnce();
    expect(await living()).toEqual([]);
  });

  test('a task whose class has no handler here is left to others, and in the end is dead', async () => {
    const { tq, dispatcher, living } = await openQueueWorld(open);
    await tq.addTask({ class: MAIL, payload });
    await dispatcher().runOnce();
    expect(await living()).toMatchObject([{ lastError: expect.stringContaining('no handler') }]);
  });

  test('a task is delivered by HTTP to a handler elsewhere', async () => {
    const answers = [500, 307, 204];
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      const { method, url, headers } = request;
      seen.push({ method, url, count: headers['x-cloudtasks-taskexecutioncount'] });
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'x-cloudtasks-queuename': 'post',
        authorization: 'Bearer token for a@b.c',
      });
      request.resume();
      response.writeHead(answers.shift() ?? 500, { location: '/elsewhere' }).end('a body');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const settings = { defaultTargetHost: host, pushAs: 'a@b.c' };
    const { clock, tq, dispatcher, living } = await openQueueWorld(open, settings);
    const deliver = deliverByHttp({ token: async ({ email }) => `token for ${email}` });
    await tq.addTask({ class: MAIL, payload });
    for (let attempt = 1; attempt <= 3; attempt++) {
      await dispatcher(deliver).runOnce();
      clock.advance(60_000);
    }
    const url = '/internal/tasks/t/mail';
    expect(seen).toEqual([0, 1, 2].map((count) => ({ method: 'POST', url, count: String(count) })));
    expect(await living()).toEqual([]);
  });

  test('a task for a topic is an error outside a transaction, and inside it a reminder that becomes dead', async () => {
    const { db, tq, reminders } = await openQueueWorld(open);
    await expect(tq.addTask({ class: NOTICE, payload })).rejects.toThrow('goes to a topic');
    await db.write((tx) => tq.addTask({ class: NOTICE, payload }, tx));
    await tq.idle();
    expect(await reminders()).toEqual([]);
  });
});
