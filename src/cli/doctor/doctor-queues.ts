/** Checks that the Cloud Tasks queues exist to which the configuration sends pushed tasks. */
import { toError } from '@postlude/queue/foundations';
import type { Config } from '../../server/config/config.ts';
import type { CliContext } from '../context.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

export async function checkQueues(
  { pushTasks }: Pick<Config, 'pushTasks'>,
  context: Pick<CliContext, 'clock' | 'signal'>,
): Promise<Finding[]> {
  if (pushTasks.queue !== 'cloud-tasks') return [];
  try {
    const { findQueueProblems } = await import('../../server/push-tasks/find-queue-problems.ts');
    const problems = await findQueueProblems(pushTasks, context);
    if (problems.length === 0) return [ok('queues', 'all queues exist in Cloud Tasks')];
    return problems.map(({ kind, destination, message }) =>
      kind === 'missing'
        ? problem('queues', message)
        : warning('queues', `not checked: ${destination}: ${message}`),
    );
  } catch (error) {
    return [problem('queues', toError(error).message)];
  }
}
