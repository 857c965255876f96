/** A dispatcher whose database fails, or says nothing at all. */
import { expect, test } from 'vitest';
import { openTestPglite } from '../../../../../test/support/databases/databases.ts';
import { RecordingLog } from '../../../../../test/support/recording-log.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import { PLAIN } from '../../../../../test/support/tasks/task-world.ts';
import type { Clock } from '../../foundations/clock.ts';
import { CodedError } from '../../foundations/errors.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { TaskQueue, type TaskQueueOptions } from '../queue.ts';
import type { Lease, SettleOutcome } from '../task.ts';
import { Dispatcher } from './dispatcher.ts';

/** A real queue over a connection that fails or hangs when the test says so. */
class TroubledQueue extends TaskQueue {
  readonly looked = new Signal();
  trouble: 'none' | 'fails' | 'hangs' = 'none';

  constructor(config: TaskQueueOptions) {
    super(config);
  }

  override async leaseDue(...args: Parameters<TaskQueue['leaseDue']>): Promise<Lease[]> {
    this.looked.emit();
    await this.#pass();
    return await super.leaseDue(...args);
  }

  override async completeAll(
    ...args: Parameters<TaskQueue['completeAll']>
  ): Promise<SettleOutcome[]> {
    await this.#pass();
    return await super.completeAll(...args);
  }

  override async release(...args: Parameters<TaskQueue['release']>): Promise<SettleOutcome[]> {
    await this.#pass();
    return await super.release(...args);
  }

  #pass(): Promise<void> {
    if (this.trouble === 'none') return Promise.resolve();
    if (this.trouble === 'hangs') return new Promise(() => undefined);
    return Promise.reject(new CodedError('unavailable', 'away'));
  }
}

async function openWorld(handle: () => Promise<void> = async () => undefined) {
  const clock = new FakeClock();
  const log = new RecordingLog();
  const queue = new TroubledQueue({ db: await openTestPglite(), clock });
  const dispatcher = new Dispatcher({
    queue,
    clock,
    log,
    handlers: [{ type: PLAIN, handle }],
    graceMs: 10_000,
    random: () => 0.5,
  });
  const stop = new AbortController();
  return { clock, log, queue, dispatcher, stop, messages: () => messagesOf(log) };
}

function messagesOf({ lines }: RecordingLog): string[] {
  return lines.filter(({ level }) => level !== 'debug').map(({ message }) => message);
}

/** Advances the clock until `work` has ended. Returns by how much. */
async function passUntil(clock: FakeClock, work: Promise<unknown>): Promise<number> {
  let hasEnded = false;
  const startedAt = (clock as Clock).now();
  const ended = work.then(() => {
    hasEnded = true;
  });
  while (!hasEnded) {
    await new Promise(setImmediate);
    if (!hasEnded) clock.advance(100);
  }
  await ended;
  return clock.now() - startedAt;
}

test('a claim that never ends does not outlast the grace period', async () => {
  const { clock, queue, dispatcher, stop, messages } = await openWorld();
  queue.trouble = 'hangs';
  const running = dispatcher.run(stop.signal);
  await queue.looked.next();
  stop.abort();
  expect(await passUntil(clock, running)).toBeLessThanOrEqual(15_000);
  expect(messages()).toEqual([
    'the database does not respond: tasks come due when their leases end',
  ]);
});

test('an attempt that cannot be settled does not outlast it either', async () => {
  const began = new Signal();
  const { clock, queue, dispatcher, stop, messages } = await openWorld(() => {
    began.emit();
    return new Promise(() => undefined);
  });
  await queue.enqueue([{ type: PLAIN, id: 'a' }]);
  const running = dispatcher.run(stop.signal);
  await began.next();
  queue.trouble = 'hangs';
  stop.abort();
  expect(await passUntil(clock, running)).toBeLessThanOrEqual(15_000);
  expect(messages()).toEqual([
    'the grace period is over: attempts are stopped',
    'the database does not respond: tasks come due when their leases end',
  ]);
});

test('it is logged once that tasks cannot be leased, and once that they can be again', async () => {
  const { clock, queue, dispatcher, stop, messages } = await openWorld();
  queue.trouble = 'fails';
  const running = dispatcher.run(stop.signal);
  for (let look = 0; look < 4; look++) {
    await queue.looked.next();
    await clock.untilSleepers(2); // the heartbeat and the loop
    if (look === 2) queue.trouble = 'none';
    if (look < 3) expect(dispatcher.lookedAt).toBeUndefined();
    clock.advance(1_000);
  }
  expect(dispatcher.lookedAt).toBeDefined();
  expect(messages()).toEqual([
    'tasks cannot be leased; it is tried again until they can',
    'tasks can be leased again',
  ]);
  stop.abort();
  await running;
});
