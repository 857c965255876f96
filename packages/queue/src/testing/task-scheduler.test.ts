import { describe, expect, test } from 'vitest';
import { PermanentError } from '../foundations/errors.ts';
import { seededRandom } from '../foundations/random.ts';
import type { QueueRequest } from '../tq/submit/submitter.ts';
import { FakeClock } from './fake-clock.ts';
import { type ScheduledTask, TaskScheduler, type TaskSchedulerOptions } from './task-scheduler.ts';

const request: QueueRequest = {
  kind: 'queue',
  classId: 'c',
  queue: 'q',
  method: 'POST',
  url: 'https://h/c',
  headers: {},
  body: new Uint8Array(),
};

function openScheduler(options: Partial<TaskSchedulerOptions> = {}) {
  const clock = new FakeClock();
  const start = clock.now();
  const ran: [string, number][] = [];
  const scheduler = new TaskScheduler({
    clock,
    execute: async ({ name }) => void ran.push([name, clock.now() - start]),
    ...options,
  });
  const add = (name: string, delayMs = 0) =>
    scheduler.submit({ ...request, name, processAfter: start + delayMs });
  return { clock, start, ran, scheduler, add };
}

test('runs tasks in the order of their times, then names, and moves the clock there', async () => {
  const { scheduler, ran, add } = openScheduler();
  await add('b', 5_000);
  await add('c');
  await add('a');
  expect(scheduler.tasks.map(({ name }) => name)).toEqual(['a', 'c', 'b']);
  expect(await scheduler.run()).toBe('quiet');
  expect(ran).toEqual([
    ['a', 0],
    ['c', 0],
    ['b', 5_000],
  ]);
});

test('remembers names for ever, and gives a name to a task that has none', async () => {
  const { scheduler, add } = openScheduler();
  expect(await add('a')).toBe('submitted');
  expect(await add('a')).toBe('duplicate');
  await scheduler.run();
  expect(await add('a')).toBe('duplicate');
  const { name: _, ...unnamed } = { name: '', ...request };
  expect(await scheduler.submit(unnamed)).toBe('submitted');
  expect(scheduler.tasks.map(({ name }) => name)).toEqual(['generated-task-id-00000001']);
});

test('treats a time in the past as now', async () => {
  const { scheduler, ran, add } = openScheduler();
  await add('a', -1_000);
  await scheduler.run();
  expect(ran).toEqual([['a', 0]]);
});

test('runs the tasks that tasks add, to the end of the chain', async () => {
  const names: string[] = [];
  const { scheduler, add } = openScheduler({
    execute: async ({ name }) => {
      names.push(name);
      if (name.length < 4) await add(`${name}x`);
    },
  });
  await add('x');
  await scheduler.run();
  expect(names).toEqual(['x', 'xx', 'xxx', 'xxxx']);
});

describe('a task that fails', () => {
  test('runs again after a second, doubling up to five minutes', async () => {
    const times: number[] = [];
    const { scheduler, clock, start, add } = openScheduler({
      execute: async ({ attempts }) => {
        times.push((clock.now() - start) / 1_000);
        if (attempts < 12) throw new Error('no');
      },
    });
    await add('a');
    await scheduler.run();
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });

  test('is reported with its attempts, when it succeeds or finally fails', async () => {
    const ended: unknown[] = [];
    const { scheduler, add } = openScheduler({
      execute: async ({ name, attempts }) => {
        if (name === 'permanent') throw new PermanentError('never');
        if (name === 'never' || attempts < 4) throw new Error('no');
      },
      maxAttempts: 10,
      onSuccess: ({ name, attempts }) => ended.push(['success', name, attempts]),
      onFailure: ({ name, attempts }) => ended.push(['failure', name, attempts]),
    });
    for (const name of ['later', 'never', 'permanent']) await add(name);
    await scheduler.run();
    expect(ended).toEqual([
      ['failure', 'permanent', 1],
      ['success', 'later', 4],
      ['failure', 'never', 10],
    ]);
    expect(scheduler.tasks).toEqual([]);
  });
});

describe('a run', () => {
  test('stops before a task, or after it', async () => {
    const { scheduler, ran, add } = openScheduler();
    for (const name of ['a', 'b', 'c']) await add(name);
    const isB = ({ name }: ScheduledTask): boolean => name === 'b';
    expect(await scheduler.run({ before: isB })).toBe('stopped');
    expect(ran.map(([name]) => name)).toEqual(['a']);
    expect(await scheduler.run({ after: isB })).toBe('stopped');
    expect(ran.map(([name]) => name)).toEqual(['a', 'b']);
    expect(await scheduler.run()).toBe('quiet');
  });

  test('runs several at once if told to, and shows which', async () => {
    let most = 0;
    const { scheduler, add } = openScheduler({
      execute: async () => {
        most = Math.max(most, scheduler.tasks.filter(({ isExecuting }) => isExecuting).length);
        expect(scheduler.tasks[0]?.isExecuting).toBe(true);
      },
    });
    for (const name of ['a', 'b', 'c']) await add(name);
    await scheduler.run({ parallel: 2 });
    expect(most).toBe(2);
  });

  test('runs in a random order that its seed repeats', async () => {
    const orders = await Promise.all(
      [1, 1, 2].map(async (seed) => {
        const { scheduler, ran, add } = openScheduler();
        for (let index = 0; index < 20; index++) await add(`t${index}`);
        await scheduler.run({ random: seededRandom(seed) });
        return ran.map(([name]) => name).join();
      }),
    );
    expect(orders[0]).toBe(orders[1]);
    expect(orders[0]).not.toBe(orders[2]);
  });

  test('happens one at a time', async () => {
    const { scheduler, add } = openScheduler({
      execute: async () => {
        await expect(scheduler.run()).rejects.toThrow('running already');
      },
    });
    await add('a');
    expect(await scheduler.run()).toBe('quiet');
  });
});
