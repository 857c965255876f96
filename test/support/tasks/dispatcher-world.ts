/** A dispatcher for tasks of the type `plain` on a fresh queue, with a clock that stands still. */

import {
  Dispatcher,
  type DispatcherOptions,
  type HandlerContext,
  type Task,
  type TaskHandler,
} from '@postlude/queue';
import type { OpenDatabase } from '../databases/databases.ts';
import { RecordingLog } from '../recording-log.ts';
import { MINUTE, openTaskWorld, PLAIN } from './task-world.ts';

type Handle = (task: Task<undefined>, context: HandlerContext) => Promise<void>;

interface WorldOptions {
  readonly handler?: Partial<TaskHandler>;
  readonly isDebugEnabled?: boolean;
}

export function openDispatcherWorld(open: OpenDatabase) {
  return async (handle: Handle, options: Partial<DispatcherOptions> & WorldOptions = {}) => {
    const world = await openTaskWorld(open);
    const { handler, isDebugEnabled = false, ...config } = options;
    const log = new RecordingLog();
    log.isDebugEnabled = isDebugEnabled;
    const outcomes: string[] = [];
    const dispatcher = new Dispatcher({
      queue: world.queue,
      handlers: [{ type: PLAIN, handle, ...handler } as TaskHandler<undefined>],
      clock: world.clock,
      random: () => 0.5,
      leaseMs: MINUTE,
      log,
      metrics: {
        counter: () => ({ add: (_, fields = {}) => void outcomes.push(fields.outcome ?? '?') }),
        histogram: () => ({ record: () => undefined }),
        gauge: () => undefined,
      },
      ...config,
    });
    return { ...world, dispatcher, log, outcomes };
  };
}
