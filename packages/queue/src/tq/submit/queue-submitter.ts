/**
 * Delivers pushed tasks by our own queue: without a cloud, the database alone carries them. A task that
 * is added in a transaction is in the queue when that commits, so it needs no reminder
 * and no sweep. From there a dispatcher delivers it (tq/receive/queue-delivery.ts): to a handler in its own
 * process, or by HTTP.
 */
import { CodedError, hasCode, toError } from '../../foundations/errors.ts';
import { randomHex } from '../../foundations/random.ts';
import type { Transaction } from '../../storage/database.ts';
import type { Payload } from '../../tasks/payload.ts';
import type { TaskQueue } from '../../tasks/queue.ts';
import { type EnqueueOutcome, type NewTask, taskType } from '../../tasks/task.ts';
import { REMINDER_ID_LENGTH } from '../reminders/reminder.ts';
import { decodeRequest, encodeRequest } from '../reminders/stored-request.ts';
import { SubmitError } from './submit-error.ts';
import type { QueueRequest, SubmitOutcome, SubmitRequest, Submitter } from './submitter.ts';

const requestPayload: Payload<QueueRequest> = {
  encode: encodeRequest,
  decode: (bytes) => {
    const request = decodeRequest(bytes ?? new Uint8Array());
    if (request.kind === 'queue') return request;
    throw new CodedError('data-loss', `a request of kind ${request.kind} cannot be delivered here`);
  },
};

/** Pushed tasks in our own queue. */
export const PUSH = taskType('tq', requestPayload);

export class QueueSubmitter implements Submitter {
  readonly #queue: Pick<TaskQueue, 'enqueue'>;

  /** `queue` must be in the database whose transactions are passed to `addTask`. */
  constructor(queue: Pick<TaskQueue, 'enqueue'>) {
    this.#queue = queue;
  }

  /** A task is a duplicate while one of its name is alive; a Cloud Tasks queue remembers names longer. */
  async submit(request: SubmitRequest): Promise<SubmitOutcome> {
    if (request.kind !== 'queue') throw noTopics(request.classId);
    const [outcome] = await this.#enqueue(request);
    return outcome === 'duplicate' ? 'duplicate' : 'submitted';
  }

  async submitIn(tx: Transaction, request: SubmitRequest): Promise<boolean> {
    if (request.kind !== 'queue') return false;
    await this.#queue.enqueue([toTask(request)], tx);
    return true;
  }

  async #enqueue(request: QueueRequest): Promise<EnqueueOutcome[]> {
    try {
      return await this.#queue.enqueue([toTask(request)]);
    } catch (thrown) {
      const error = toError(thrown);
      const code = hasCode(error, 'invalid-argument') ? 'invalid-argument' : 'unavailable';
      const isTransient = code === 'unavailable';
      throw new SubmitError(error.message, { isTransient, code, cause: error });
    }
  }
}

function toTask(request: QueueRequest): NewTask<QueueRequest> {
  const { name, processAfter } = request;
  return {
    type: PUSH,
    id: name ?? randomHex(REMINDER_ID_LENGTH / 2),
    payload: request,
    ...(processAfter === undefined ? {} : { processAfter }),
  };
}

function noTopics(classId: string): SubmitError {
  return new SubmitError(`${classId} goes to a topic, and there is only a queue`, {
    isTransient: false,
    code: 'unimplemented',
  });
}
