/** A dispatcher for tasks of the type `plain` on a fresh queue, with a clock that stands still. */

import {
  type AnyHandler,
  type BatchTaskHandler,
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
  return (handle: Handle, { handler, ...options }: Options = {}) =>
    openWorld(open, { type: PLAIN, handle, ...handler } as TaskHandler<undefined>, options);
}

type HandleBatch = BatchTaskHandler<undefined>['handleBatch'];

/** The same for a handler of batches. */
export function openBatchWorld(open: OpenDatabase) {
  return (handleBatch: HandleBatch, options: Options & { readonly maxBatch?: number } = {}) => {
    const { handler, maxBatch = 200, ...others } = options;
    const batchHandler = { type: PLAIN, handleBatch, maxBatch, ...handler };
    return openWorld(open, batchHandler as BatchTaskHandler<undefined>, others);
  };
}

type Options = Partial<DispatcherOptions> & WorldOptions;

async function openWorld(
  open: OpenDatabase,
  handler: AnyHandler,
  { isDebugEnabled = false, ...options }: Omit<Options, 'handler'>,
) {
  const world = await openTaskWorld(open);
  const log = new RecordingLog();
  log.isDebugEnabled = isDebugEnabled;
  const outcomes: string[] = [];
  const dispatcher = new Dispatcher({
    queue: world.queue,
    handlers: [handler],
    clock: world.clock,
    random: () => 0.5,
    leaseMs: MINUTE,
    log,
    metrics: {
      counter: () => ({ add: (_, fields = {}) => void outcomes.push(fields.outcome ?? '?') }),
      histogram: () => ({ record: () => undefined }),
      gauge: () => undefined,
    },
    ...options,
  });
  return { ...world, dispatcher, log, outcomes };
}
