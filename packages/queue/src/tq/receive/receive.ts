/**
 * Runs a delivered task, whichever way it came: decodes it, finds its handler, and returns how it went.
 * Never throws. The caller acts on the outcome: by an HTTP status (push.ts), or by what becomes of the
 * task in our own queue (queue-delivery.ts).
 */
import type { Clock, EpochMs } from '../../foundations/clock.ts';
import { hasCode, IgnoredError, PermanentError, toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';
import { decodeEnvelope } from '../classes/envelope.ts';
import type {
  AnyTaskClass,
  PushTask,
  PushTaskContext,
  PushTaskHandler,
} from '../classes/task-class.ts';
import type { TaskClasses } from '../classes/task-classes.ts';
import type { TqMetrics } from '../tq-metrics.ts';
import type { Receipt, ReceiptOutcome } from './receipt.ts';

/** What a delivery says of its task, apart from what its body says. */
export type Delivery = Omit<PushTask, 'classId' | 'payload'> & PushTaskContext;

export interface ReceiverParts {
  readonly classes: TaskClasses;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: TqMetrics;
}

/** `body` is an envelope. */
export async function receive(
  parts: ReceiverParts,
  body: Uint8Array,
  delivery: Delivery,
): Promise<Receipt> {
  const task = await decode(parts.classes, body);
  if ('outcome' in task) {
    parts.metrics.rejected(task.outcome);
    parts.log.warn('a task was refused', { ...task, taskId: delivery.id });
    return task;
  }
  return await run(parts, task, delivery);
}

interface DecodedTask {
  readonly taskClass: AnyTaskClass;
  readonly payload: unknown;
  readonly handler: PushTaskHandler;
}

async function decode(classes: TaskClasses, body: Uint8Array): Promise<DecodedTask | Receipt> {
  let classId: string | undefined;
  try {
    const envelope = decodeEnvelope(body);
    classId = envelope.classId;
    const taskClass = classes.find(envelope.classId, envelope.typeName);
    if (!taskClass) {
      const name = envelope.classId ?? envelope.typeName;
      return refused(
        'unknown-class',
        classId,
        new Error(`there is no class of tasks ${name} here`),
      );
    }
    classId = taskClass.id;
    const handler = classes.handlerOf(taskClass);
    if (!handler)
      return refused('no-handler', classId, new Error(`${classId} has no handler here`));
    return { taskClass, handler, payload: await taskClass.payload.fromJson(envelope.body) };
  } catch (error) {
    return refused('bad-request', classId, toError(error));
  }
}

function refused(
  outcome: ReceiptOutcome,
  classId: string | undefined,
  error: Error | undefined,
): Receipt {
  return { outcome, classId, error };
}

async function run(
  { clock, log, metrics }: ReceiverParts,
  { taskClass, handler, payload }: DecodedTask,
  { signal, ...delivery }: Delivery,
): Promise<Receipt> {
  const classId = taskClass.id;
  const startedAt = clock.monotonicMs();
  const error = await failureOf(() => handler({ classId, payload, ...delivery }, { signal }));
  const outcome = outcomeOf(error);
  const now = clock.now();
  metrics.handled(classId, outcome, {
    durationMs: clock.monotonicMs() - startedAt,
    latencyMs: latency(delivery.processAfter, now),
  });
  if (error) {
    const fields = { classId, taskId: delivery.id, outcome, error };
    const shown = taskClass.quiet ? fields : { ...fields, payload };
    if (outcome === 'fatal') log.error('a task failed for good', shown);
    else log.warn(outcome === 'ignored' ? 'a task was ignored' : 'a task failed', shown);
  }
  return { outcome, classId, error };
}

async function failureOf(run: () => Promise<void>): Promise<Error | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return toError(error);
  }
}

function outcomeOf(error: Error | undefined): ReceiptOutcome {
  if (error === undefined) return 'done';
  if (error instanceof PermanentError) return 'fatal';
  if (error instanceof IgnoredError) return 'ignored';
  return hasCode(error, 'unavailable', 'conflict', 'outcome-unknown') ? 'transient' : 'retry';
}

function latency(dueTime: EpochMs | undefined, now: EpochMs): number | undefined {
  return dueTime === undefined ? undefined : Math.max(0, now - dueTime);
}
