/**
 * Looks, when a program starts, whether the queues and topics of its tasks exist: what is added for
 * one that does not becomes a dead reminder. Those that are picked for each task cannot be known.
 */
import { hasCode, toError } from '../../errors.ts';
import { type CloudPlace, fullQueueName, fullTopicName } from '../classes/destination.ts';
import type { TaskClasses } from '../classes/task-classes.ts';

export interface DestinationProblem {
  /** Full name of the queue or topic. */
  readonly destination: string;
  /** The classes whose tasks go there. */
  readonly classIds: readonly string[];
  /** `unchecked`: nobody knows; those who may add tasks need not be allowed to look. */
  readonly kind: 'missing' | 'unchecked';
  /** Says how to create it, where it is missing. */
  readonly message: string;
}

export interface DestinationChecks extends CloudPlace {
  /** A CloudTasksSubmitter; without one, queues are not looked at. */
  readonly queues?: { checkQueue(queue: string, signal: AbortSignal): Promise<void> };
  /** A PubSubSubmitter; without one, topics are not looked at. */
  readonly topics?: { checkTopic(topic: string, signal: AbortSignal): Promise<void> };
  readonly signal: AbortSignal;
}

/** Never throws; each destination is looked at once. */
export async function findDestinationProblems(
  classes: TaskClasses,
  checks: DestinationChecks,
): Promise<DestinationProblem[]> {
  const found = await Promise.all(
    destinationsOf(classes, checks).map(async (destination) => {
      try {
        await check(destination.name, checks);
        return undefined;
      } catch (error) {
        return problemOf(destination, error);
      }
    }),
  );
  return found.filter((problem) => problem !== undefined);
}

interface NamedDestination {
  readonly name: string;
  readonly classIds: readonly string[];
}

function destinationsOf(classes: TaskClasses, place: CloudPlace): NamedDestination[] {
  const classIds = new Map<string, string[]>();
  for (const { id, queue, topic } of classes.all()) {
    const names = [
      ...(typeof queue === 'string' ? [fullQueueName(queue, place)] : []),
      ...(typeof topic === 'string' ? [fullTopicName(topic, place)] : []),
    ];
    for (const name of names) classIds.set(name, [...(classIds.get(name) ?? []), id]);
  }
  return [...classIds].map(([name, ids]) => ({ name, classIds: ids }));
}

async function check(name: string, { queues, topics, signal }: DestinationChecks): Promise<void> {
  if (name.includes('/topics/')) await topics?.checkTopic(name, signal);
  else await queues?.checkQueue(name, signal);
}

function problemOf({ name, classIds }: NamedDestination, error: unknown): DestinationProblem {
  const kind = hasCode(error, 'not-found') ? 'missing' : 'unchecked';
  return { destination: name, classIds, kind, message: toError(error).message };
}
