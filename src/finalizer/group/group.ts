/**
 * One transaction that tries many invocations, and then those that it has woken: a group and its
 * cascade. Its effect is that of the same tries one after another, each in a transaction of its own
 * with nothing in between. So whatever holds for single tries holds for it (see finalizer.ts); it
 * only reads and writes for all of them together.
 */
import type { Transaction } from '@postlude/queue/storage';
import type { FinalizationState } from '../../invocations/finalization-state.ts';
import type { InvocationId } from '../../invocations/id.ts';
import { isOpen } from '../blocker.ts';
import { isOfSet, trySet } from '../close.ts';
import type { FinalizerParts } from '../parts.ts';
import type { Answers } from '../questions.ts';
import type { Verdict } from '../verdict.ts';
import { Cascade } from './cascade.ts';
import { Decisions } from './decisions.ts';
import { Try } from './try.ts';

export interface TryRequest {
  readonly id: InvocationId;
  /** The answers to all questions that the try has asked so far. */
  readonly answers: Answers;
}

export interface Group {
  /** One for each request, in order. */
  readonly verdicts: readonly Verdict[];
  /** Writes what was decided. Nothing is written before. */
  write(): Promise<void>;
}

const NOTHING: Answers = {};

/**
 * Decides a group. A try that needs more than the group can read, or a transaction of its own, gets
 * a question, and goes on alone.
 */
export async function decideGroup(
  parts: FinalizerParts,
  tx: Transaction,
  requests: readonly TryRequest[],
): Promise<Group> {
  const deciding = new Deciding(parts, tx);
  return await deciding.decide(requests);
}

class Deciding {
  readonly #parts: FinalizerParts;
  readonly #decisions: Decisions;

  constructor(parts: FinalizerParts, tx: Transaction) {
    this.#parts = parts;
    this.#decisions = new Decisions(parts, tx);
  }

  async decide(requests: readonly TryRequest[]): Promise<Group> {
    const decisions = this.#decisions;
    const verdicts: Verdict[] = [];
    await this.#prepare(requests.map(({ id }) => id));
    const isAlone = requests.length === 1;
    for (const request of requests) verdicts.push(await this.#try(request, isAlone));
    const cascade = new Cascade(this.#parts, decisions, {
      prepare: (ids) => this.#prepare(ids),
      tryWoken: (id) => this.#try({ id, answers: NOTHING }, false),
    });
    await cascade.run();
    return { verdicts, write: () => decisions.write() };
  }

  async #try({ id, answers }: TryRequest, isAlone: boolean): Promise<Verdict> {
    const decisions = this.#decisions;
    const waiter = await decisions.ledger.state(id);
    if (waiter === undefined || waiter.state === 'ACTIVE') return 'idle';
    if (isOfSet({ waiter, answers })) {
      return isAlone ? await trySet(this.#parts, decisions, { waiter, answers }) : ALONE;
    }
    if (waiter.state === 'FINALIZED') {
      // If very many invocations waited for this one, some may not have been woken yet.
      decisions.wakeWaitersOf(id);
      return 'idle';
    }
    if (!decisions.hasRoomFor(waiter)) return ALONE;
    return await new Try({ parts: this.#parts, decisions, waiter, answers }).decide();
  }

  /** Reads at once what the tries will look at: each read is for all of them. */
  async #prepare(ids: readonly InvocationId[]): Promise<void> {
    const { ledger } = this.#decisions;
    await ledger.load(ids);
    const waiters = ids.flatMap((id) => ledger.known(id) ?? []).filter(isWaiter);
    await ledger.load(waiters.map(({ blocker }) => blocker));
    const free = waiters.filter(({ blocker, hasNoneLeft }) => {
      return !hasNoneLeft && !isOpen(ledger.known(blocker));
    });
    if (free.length < 2) return; // The try itself reads as little.
    await ledger.loadInclusions(free.map(({ id }) => id));
    const next = free.flatMap(({ id, finalizedUpTo }) =>
      ledger.knownInclusions(id, finalizedUpTo).slice(0, LOOK_AHEAD),
    );
    await ledger.load(next);
    const chains = next.map((id) => ledger.known(id)).filter(isOpen);
    await ledger.load(chains.flatMap((state) => [state?.blockerEnd, state?.blocker]));
  }
}

/** How many inclusions of each invocation are looked at in one read for all. */
const LOOK_AHEAD = 4;

const ALONE: Verdict = { question: 'alone' };

function isWaiter({ state, closedBy }: FinalizationState): boolean {
  return state === 'FINALIZING' && closedBy === undefined;
}
