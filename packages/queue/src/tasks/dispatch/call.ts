/**
 * One call of a handler. It takes a slot of the dispatcher until all of its attempts have ended: one
 * attempt, or those of a batch (batch.ts).
 */
import type { Log } from '../../foundations/log.ts';
import type { TaskQueue } from '../queue.ts';
import { type Attempt, AttemptContext } from './attempt.ts';
import { Batch } from './batch.ts';
import { isBatchHandler, type TaskHandler } from './handler.ts';

export interface CallParts {
  readonly queue: Pick<TaskQueue, 'completeAll'>;
  readonly log: Log;
}

export class Call {
  readonly attempts: readonly Attempt[];
  readonly #handle: (attempt: Attempt) => Promise<void>;
  #left: number;

  /** The attempts are of one type. */
  constructor(attempts: readonly [Attempt, ...Attempt[]], parts: CallParts) {
    const [{ handler }] = attempts;
    this.attempts = attempts;
    this.#left = attempts.length;
    if (isBatchHandler(handler)) {
      const batch = new Batch({ ...parts, handler, size: attempts.length });
      this.#handle = (attempt) => batch.handle(attempt);
    } else this.#handle = (attempt) => handleAlone(handler, attempt);
  }

  get mustBeRecorded(): boolean {
    return this.attempts.some(({ mustBeRecorded }) => mustBeRecorded);
  }

  /** Resolves when the attempt has ended. Never throws. */
  async handle(attempt: Attempt): Promise<void> {
    await this.#handle(attempt);
    this.#left -= 1;
  }

  get isOver(): boolean {
    return this.#left === 0;
  }
}

function handleAlone(handler: TaskHandler, attempt: Attempt): Promise<void> {
  return attempt.handle((task) => handler.handle(task, new AttemptContext(attempt)));
}
