/** Checks whether the Cloud Tasks queues of a server's pushed tasks exist. */
import { type Clock, type Log, toError } from '@postlude/queue/foundations';
import {
  CloudTasksSubmitter,
  type DestinationProblem,
  findDestinationProblems,
  TaskClasses,
} from '@postlude/queue/tq';
import type { PushTaskConfig } from '../config/push-task-config.ts';
import { PUSH_TASK_CLASSES } from './push-task-classes.ts';

export interface LookParts {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Logs each problem when a server starts. It never fails. */
export async function warnOfQueueProblems(
  config: Pick<PushTaskConfig, 'emulatorHost' | 'requests'>,
  { log, ...parts }: LookParts & { readonly log: Log },
): Promise<void> {
  try {
    const problems = await findQueueProblems(config, parts);
    if (parts.signal.aborted) return;
    for (const { kind, destination, message } of problems) {
      if (kind === 'missing') log.error('pushed tasks have no queue', { destination, message });
      else log.warn('cannot tell whether a queue exists', { destination, message });
    }
  } catch (error) {
    log.warn('queues were not checked', { error: toError(error) });
  }
}

/** An unreachable service is reported within ten seconds. */
const TIMEOUT_MS = 6_000;
const NO_ANSWER = `no answer within ${TIMEOUT_MS / 1000} s`;

/** Throws `failed-precondition` if the package `@google-cloud/tasks` is missing. */
export async function findQueueProblems(
  { emulatorHost, requests }: Pick<PushTaskConfig, 'emulatorHost' | 'requests'>,
  { clock, signal }: LookParts,
): Promise<DestinationProblem[]> {
  const queues = await CloudTasksSubmitter.open(emulatorHost === undefined ? {} : { emulatorHost });
  const classes = new TaskClasses(PUSH_TASK_CLASSES);
  const finished = new AbortController();
  const tooLong = new AbortController();
  const timer = clock.sleep(TIMEOUT_MS, finished.signal).then(() => tooLong.abort());
  try {
    const giveUp = AbortSignal.any([signal, tooLong.signal]);
    const problems = await findDestinationProblems(classes, {
      ...requests,
      queues,
      signal: giveUp,
    });
    if (!tooLong.signal.aborted) return problems;
    return problems.map((problem) =>
      problem.kind === 'unchecked' ? { ...problem, message: NO_ANSWER } : problem,
    );
  } finally {
    finished.abort();
    await timer;
    await queues.close();
  }
}
