import { expect, onTestFinished, test } from 'vitest';
import { GoogleServices } from '../../../../../test/support/network/google-services.ts';
import {
  openCloudTasks,
  PLACE,
  withCloudTasks,
} from '../../../../../test/support/tq/cloud-tasks-world.ts';
import { INNER, MAIL, NOTICE } from '../../../../../test/support/tq/tq-world.ts';
import { taskClass } from '../classes/task-class.ts';
import { TaskClasses } from '../classes/task-classes.ts';
import { findDestinationProblems } from './check-destinations.ts';
import { CloudTasksSubmitter } from './cloud-tasks.ts';
import { PubSubSubmitter } from './pub-sub.ts';

const { signal } = new AbortController();
const OTHER = taskClass({ ...INNER, id: 'other', queue: 'other' });
const PICKED = taskClass({ ...INNER, id: 'picked', queue: () => 'nobody-knows' });
const classes = new TaskClasses([MAIL, INNER, OTHER, PICKED, NOTICE]);

async function openScripted() {
  const services = await GoogleServices.start();
  const queues = await CloudTasksSubmitter.open({ emulatorHost: services.host });
  const topics = await PubSubSubmitter.open({ emulatorHost: services.host });
  onTestFinished(async () => {
    await queues.close();
    await topics.close();
  });
  return { services, checks: { ...PLACE, queues, topics, signal } };
}

withCloudTasks(() => {
  test('a queue that does not exist is reported, with its classes and how to create it', async () => {
    const { submitter: queues } = await openCloudTasks();
    expect(await findDestinationProblems(classes, { ...PLACE, queues, signal })).toEqual([
      {
        destination: 'projects/p/locations/l/queues/other',
        classIds: ['other'],
        kind: 'missing',
        message: expect.stringContaining('gcloud tasks queues create other'),
      },
    ]);
  });
});

test('each queue and topic is looked up once', async () => {
  const { services, checks } = await openScripted();
  expect(await findDestinationProblems(classes, checks)).toEqual([]);
  expect(services.calls.map(({ request }) => Object.values(request)[0]).sort()).toEqual([
    'projects/p/locations/l/queues/other',
    'projects/p/locations/l/queues/post',
    'projects/p/topics/notices',
  ]);
});

test('a caller that may not look learns that the queue is unchecked', async () => {
  const { services, checks } = await openScripted();
  services.answer = 'PERMISSION_DENIED';
  expect(await findDestinationProblems(new TaskClasses([MAIL, INNER]), checks)).toMatchObject([
    { classIds: ['mail', 'inner'], kind: 'unchecked' },
  ]);
});

test('a topic that does not exist is reported, too', async () => {
  const { services, checks } = await openScripted();
  services.answer = 'NOT_FOUND';
  expect(await findDestinationProblems(new TaskClasses([NOTICE]), checks)).toMatchObject([
    { kind: 'missing', message: expect.stringContaining('gcloud pubsub topics create notices') },
  ]);
});
