/** Opens the submitter that the configuration selects. */
import type { TaskQueue } from '@postlude/queue';
import { CloudTasksSubmitter, QueueSubmitter, type Submitter } from '@postlude/queue/tq';
import type { PushTaskConfig } from '../config/push-task-config.ts';

export interface OpenedSubmitter {
  readonly submitter: Submitter;
  close(): Promise<void>;
}

/** Throws `failed-precondition` if the package `@google-cloud/tasks` is needed but missing. */
export async function openSubmitter(
  { queue: kind, emulatorHost }: PushTaskConfig,
  queue: TaskQueue,
): Promise<OpenedSubmitter> {
  if (kind === 'database') {
    return { submitter: new QueueSubmitter(queue), close: () => Promise.resolve() };
  }
  const submitter = await CloudTasksSubmitter.open(
    emulatorHost === undefined ? {} : { emulatorHost },
  );
  return { submitter, close: () => submitter.close() };
}
