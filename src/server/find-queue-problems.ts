/** Looks whether the queues of Cloud Tasks exist that a server's pushed tasks go to. */
import type { Clock } from '../clock.ts';
import { type DestinationProblem, findDestinationProblems } from '../tq/check-destinations.ts';
import { CloudTasksSubmitter } from '../tq/cloud-tasks.ts';
import { TaskClasses } from '../tq/task-classes.ts';
import type { PushTaskConfig } from './push-task-config.ts';
import { PUSH_TASK_CLASSES } from './push-tasks.ts';

/** So that whoever cannot be reached is known within ten seconds. */
const TIMEOUT_MS = 8_000;
const NO_ANSWER = `no answer within ${TIMEOUT_MS / 1000} s`;

/** Throws `failed-precondition` where the package `@google-cloud/tasks` is missing. */
export async function findQueueProblems(
  { emulatorHost, requests }: Pick<PushTaskConfig, 'emulatorHost' | 'requests'>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
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
