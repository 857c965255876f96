/**
 * Decides tries in groups, each in one transaction that also completes their tasks. A group that
 * conflicts with other transactions is decided in smaller groups, down to one at a time.
 */
import type { BatchContext, Task } from '@postlude/queue';
import { CodedError, hasCode, Mutex } from '@postlude/queue/foundations';
import type { InvocationId } from '../../invocations/id.ts';
import type { FinalizerParts } from '../parts.ts';
import { isQuestion, type Question } from '../questions.ts';
import { decideGroup } from './group.ts';
import { GroupSize } from './group-size.ts';

export interface GroupedTry {
  readonly task: Task<undefined>;
  readonly id: InvocationId;
}

/** A try that goes on alone. */
export interface UndecidedTry extends GroupedTry {
  /** What it has asked; `undefined` if it has not begun. */
  readonly question: Question | undefined;
}

/** How often a transaction of a group begins before the group is divided. */
const MAX_BEGINS = 2;

export class Groups {
  readonly #parts: FinalizerParts;
  readonly #size = new GroupSize();
  /** Groups of one process would only conflict with each other. */
  readonly #oneAtATime = new Mutex();

  constructor(parts: FinalizerParts) {
    this.#parts = parts;
  }

  /** Returns those that must go on alone. The tasks of the others are completed. */
  async decide(
    tries: readonly GroupedTry[],
    context: BatchContext<undefined>,
  ): Promise<UndecidedTry[]> {
    const undecided: UndecidedTry[] = [];
    const left = [...tries];
    while (left.length > 0) {
      await this.#oneAtATime.run(async () => {
        const group = left.splice(0, this.#size.next);
        undecided.push(...(await this.#decideGroup(group, context)));
      });
    }
    return undecided;
  }

  async #decideGroup(
    tries: readonly GroupedTry[],
    context: BatchContext<undefined>,
  ): Promise<UndecidedTry[]> {
    const open = tries.filter(({ task }) => context.isOpen(task));
    if (open.length === 0) return [];
    try {
      const undecided = await this.#write(open, context);
      this.#size.succeeded(open.length);
      return undecided;
    } catch (error) {
      if (!hasCode(error, 'conflict')) throw error;
      this.#size.conflicted(open.length);
      if (open.length === 1) return open.map((one) => ({ ...one, question: undefined }));
      const middle = Math.ceil(open.length / 2);
      const first = await this.#decideGroup(open.slice(0, middle), context);
      return [...first, ...(await this.#decideGroup(open.slice(middle), context))];
    }
  }

  async #write(
    tries: readonly GroupedTry[],
    context: BatchContext<undefined>,
  ): Promise<UndecidedTry[]> {
    let begins = 0;
    return await this.#parts.db.write(async (tx) => {
      begins += 1;
      if (begins > MAX_BEGINS) throw new CodedError('conflict', 'the group is to be divided');
      const requests = tries.map(({ id }) => ({ id, answers: {} }));
      const { verdicts, write } = await decideGroup(this.#parts, tx, requests);
      const outcomes = tries.map((one, index) => ({ ...one, verdict: verdicts[index] }));
      const decided = outcomes.filter(({ verdict }) => !isUndecided(verdict));
      // First, since what follows may be a task of the same name.
      await context.complete(
        tx,
        decided.map(({ task }) => task),
      );
      await write();
      return outcomes.flatMap(({ task, id, verdict }) =>
        isUndecided(verdict) ? [{ task, id, question: questionOf(verdict) }] : [],
      );
    });
  }
}

function isUndecided(verdict: unknown): boolean {
  return isQuestion(verdict) || verdict === 'postponed';
}

function questionOf(verdict: unknown): Question | undefined {
  return isQuestion(verdict) ? verdict : undefined;
}
