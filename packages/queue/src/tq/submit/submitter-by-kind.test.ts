import { expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { queueRequest } from '../../../../../test/support/tq/cloud-tasks-world.ts';
import { RecordingSubmitter } from '../../../../../test/support/tq/recording-submitter.ts';
import { MAIL, NOTICE, openTqWorld } from '../../../../../test/support/tq/tq-world.ts';
import { TaskInspector } from '../../tasks/inspect/task-inspector.ts';
import { TaskQueue } from '../../tasks/queue.ts';
import { Tq } from '../tq.ts';
import { QueueSubmitter } from './queue-submitter.ts';
import type { TopicRequest } from './submitter.ts';
import { SubmitterByKind } from './submitter-by-kind.ts';

const TOPIC_REQUEST: TopicRequest = {
  kind: 'topic',
  classId: 'notice',
  topic: 'projects/p/topics/notices',
  ...{ data: new Uint8Array(), attributes: {} },
};

test('each request goes to the submitter of its kind, with its signal', async () => {
  const [queue, topic] = [new RecordingSubmitter(), new RecordingSubmitter()];
  const submitter = new SubmitterByKind({ queue, topic });
  const signals: AbortSignal[] = [];
  queue.answer = async (_, signal) => {
    signals.push(signal);
    return 'duplicate';
  };
  const { signal } = new AbortController();
  expect(await submitter.submit(queueRequest(), signal)).toBe('duplicate');
  expect(await submitter.submit(TOPIC_REQUEST, signal)).toBe('submitted');
  expect(queue.requests).toEqual([queueRequest()]);
  expect(topic.requests).toEqual([TOPIC_REQUEST]);
  expect(signals).toEqual([signal]);
});

eachDatabase((open) => {
  test('tasks for a queue in the database need no reminders, those for a topic do', async () => {
    const { db, classes, clock, reminders } = openTqWorld(await open());
    const queue = new TaskQueue({ db, clock });
    const topic = new RecordingSubmitter();
    topic.answer = () => Promise.reject(new Error('away'));
    const submitter = new SubmitterByKind({ queue: new QueueSubmitter(queue), topic });
    const tq = new Tq({ db, classes, clock, submitter });
    await db.write(async (tx) => {
      await tq.addTask({ class: MAIL, payload: { to: 'a' } }, tx);
      await tq.addTask({ class: NOTICE, payload: { to: 'a' } }, tx);
    });
    await tq.idle();
    expect(await new TaskInspector({ db, clock }).list({ limit: 10 })).toMatchObject([
      { type: 'tq' },
    ]);
    expect(await reminders()).toMatchObject([{ classId: 'notice' }]);
  });
});
