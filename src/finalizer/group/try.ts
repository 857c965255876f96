/** One try within a transaction, as finalizer.ts describes it. There, the waiter is X. */
import type { FinalizationState } from '../../invocations/finalization-state.ts';
import type { InvocationId } from '../../invocations/id.ts';
import {
  endOfChain,
  type Inclusion,
  isUnfinalized,
  nextUnfinalized,
  readUnfinalized,
} from '../blocker.ts';
import { type Bounds, DEFAULT_BOUNDS } from '../bounds.ts';
import type { FinalizerParts } from '../parts.ts';
import { type Answers, isQuestion } from '../questions.ts';
import type { Verdict } from '../verdict.ts';
import type { Decisions } from './decisions.ts';

export interface TryParts {
  readonly parts: FinalizerParts;
  readonly decisions: Decisions;
  /** It is FINALIZING, and in no closed set. */
  readonly waiter: FinalizationState;
  readonly answers: Answers;
}

export class Try {
  readonly #decisions: Decisions;
  readonly #waiter: FinalizationState;
  readonly #answers: Answers;
  readonly #bounds: Bounds;

  constructor({ parts, decisions, waiter, answers }: TryParts) {
    this.#decisions = decisions;
    this.#waiter = waiter;
    this.#answers = answers;
    this.#bounds = parts.bounds ?? DEFAULT_BOUNDS;
  }

  async decide(): Promise<Verdict> {
    if (await isUnfinalized(this.#decisions.ledger, this.#waiter.blocker)) return 'waiting';
    return (await this.#waitForActive()) ?? (await this.#waitForInclusion());
  }

  /**
   * Waits for the ACTIVE invocation that the walk of a cycle found, unless that is FINALIZED by
   * now.
   */
  async #waitForActive(): Promise<Verdict | undefined> {
    const found = await readUnfinalized(this.#decisions.ledger, this.#answers.active);
    return found && (await this.#waitFor({ found, isLast: false }, this.#waiter.finalizedUpTo));
  }

  async #waitForInclusion(): Promise<Verdict> {
    const inclusion = await nextUnfinalized(this.#decisions.ledger, this.#waiter, {
      ...this.#answers,
      maxInclusions: this.#bounds.inclusions,
    });
    if (isQuestion(inclusion)) return inclusion;
    if (inclusion) return await this.#waitFor(inclusion, inclusion.found.id);
    this.#decisions.finalize([this.#waiter]);
    return 'finalized';
  }

  /** Once the blocker is FINALIZED, so are all inclusions of the waiter up to `finalizedUpTo`. */
  async #waitFor(
    { found: blocker, isLast }: Inclusion,
    finalizedUpTo: InvocationId | undefined,
  ): Promise<Verdict> {
    const waiter = this.#waiter;
    const limits = { waiter: waiter.id, maxHops: this.#bounds.hops };
    const { ledger } = this.#decisions;
    const blockerEnd = await endOfChain(ledger, blocker, { ...this.#answers, ...limits });
    if (isQuestion(blockerEnd)) return blockerEnd;
    if (blockerEnd === waiter.id) return { question: 'cycle' };
    const upTo = isLast
      ? { finalizedUpTo: undefined, hasNoneLeft: true }
      : { finalizedUpTo, hasNoneLeft: false };
    this.#decisions.wait({ ...waiter, blocker: blocker.id, blockerEnd, ...upTo });
    return 'waiting';
  }
}
