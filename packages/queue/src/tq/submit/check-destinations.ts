/**
 * Checks, when a program starts, whether the queues and topics of its tasks exist: a task for one that does
 * not exist becomes a dead reminder. Destinations that are picked for each task cannot be checked.
 */
import { hasCode, toError } from '../../foundations/errors.ts';
import { type CloudPlace, fullQueueName, fullTopicName } from '../classes/destination.ts';
import type { TaskClasses } from '../classes/task-classes.ts';

export interface DestinationProblem {
  /** The full name of the queue or topic. */
  readonly destination: string;
  /** The classes whose tasks go there. */
  readonly classIds: readonly string[];
  /** `unchecked`: it is not known, as an account that may add tasks need not be allowed to look. */
  readonly kind: 'missing' | 'unchecked';
  /** Says how to create the destination if it is missing. */
  readonly message: string;
}

export interface DestinationChecks extends CloudPlace {
  /** A CloudTasksSubmitter. Without one, queues are not checked. */
  readonly queues?: { checkQueue(queue: string, signal: AbortSignal): Promise<void> };
  /** A PubSubSubmitter. Without one, topics are not checked. */
  readonly topics?: { checkTopic(topic: string, signal: AbortSignal): Promise<void> };
  readonly signal: AbortSignal;
}

/** Never throws. Checks each destination once. */
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
