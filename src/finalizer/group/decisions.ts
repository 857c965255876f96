/**
 * What a transaction has decided, until all of it is written at its end: each row once, whatever
 * was decided about it in turn. Later decisions of the transaction see the earlier ones in the
 * ledger.
 */
import type { EpochMs } from '@postlude/queue/foundations';
import type { Transaction } from '@postlude/queue/storage';
import {
  type FinalizationState,
  type Finalized,
  setFinalized,
  setWaiting,
  type Wait,
  type Waiting,
} from '../../invocations/finalization-state.ts';
import type { InvocationId } from '../../invocations/id.ts';
import { DEFAULT_BOUNDS } from '../bounds.ts';
import { enqueueExports, mutationsToFinalize } from '../finalize.ts';
import type { FinalizerParts } from '../parts.ts';
import { type NewTry, scheduleTries } from '../schedule.ts';
import { Ledger } from './ledger.ts';

export class Decisions {
  readonly tx: Transaction;
  readonly ledger: Ledger<Transaction>;
  readonly #parts: FinalizerParts;
  /** As they were read, with the mark that they bear. */
  readonly #finalized = new Map<InvocationId, Finalized>();
  /** Those that wait for something else now, or for nothing any more. */
  readonly #waiting = new Map<InvocationId, Waiting>();
  readonly #changed = new Set<InvocationId>();
  readonly #tries: NewTry[] = [];
  #toWake = new Set<InvocationId>();
  #mutations = 0;

  constructor(parts: FinalizerParts, tx: Transaction) {
    this.#parts = parts;
    this.tx = tx;
    this.ledger = new Ledger(tx);
  }

  /** Whether it is within the bounds to finalize one more; the first one always is. */
  hasRoomFor(state: FinalizationState): boolean {
    const { bounds = DEFAULT_BOUNDS } = this.#parts;
    return (
      this.#mutations === 0 || this.#mutations + mutationsToFinalize(state) <= bounds.mutations
    );
  }

  /**
   * Finalizes invocations. The caller knows that nothing they reach can change, and that they are
   * FINALIZING or to be settled.
   */
  finalize(
    states: readonly FinalizationState[],
    finalizeTime: EpochMs = this.#parts.clock.now(),
  ): void {
    for (const state of states) {
      this.#mutations += mutationsToFinalize(state);
      this.#finalized.set(state.id, { ...state, finalizeTime });
      this.#waiting.delete(state.id);
      this.#changed.add(state.id);
      this.ledger.decided({ ...state, ...FREE, state: 'FINALIZED', finalizeTime });
      this.wakeWaitersOf(state.id);
    }
  }

  /** Has the invocations woken that wait for one that is FINALIZED. */
  wakeWaitersOf(id: InvocationId): void {
    this.#toWake.add(id);
  }

  /** Has a FINALIZING invocation wait. */
  wait(state: FinalizationState): void {
    this.#note(state);
    this.#changed.add(state.id);
  }

  /** Frees a FINALIZING invocation of its blocker, which is FINALIZED. It is tried, or has a task. */
  free(state: FinalizationState): void {
    this.#note({ ...state, blocker: undefined, blockerEnd: undefined });
  }

  schedule(tries: readonly NewTry[]): void {
    this.#tries.push(...tries);
  }

  /** Returns those whose waiters are to be woken, each once. */
  takeToWake(): readonly InvocationId[] {
    const ids = [...this.#toWake];
    this.#toWake = new Set();
    return ids;
  }

  /** Whether the wait was stored before, and no longer is what the invocation waits for. */
  isOver({ waiter, blocker }: Wait): boolean {
    if (this.#finalized.has(waiter)) return true;
    const now = this.#waiting.get(waiter);
    return now !== undefined && now.blocker !== blocker;
  }

  /** Returns the waits for one of `blockers` that this transaction has decided. */
  waitsFor(blockers: ReadonlySet<InvocationId>): Wait[] {
    return [...this.#waiting.values()].flatMap(({ id, blocker }) =>
      blocker !== undefined && blockers.has(blocker) ? [{ waiter: id, blocker }] : [],
    );
  }

  /** Writes all of it. Call it once, at the end. */
  async write(): Promise<void> {
    const { tx } = this;
    const finalized = [...this.#finalized.values()];
    await setFinalized(tx, finalized);
    await setWaiting(tx, [...this.#waiting.values()]);
    await enqueueExports(this.#parts, tx, finalized);
    await scheduleTries(this.#parts, tx, this.#tries);
    const { onChange } = this.#parts;
    const changed = [...this.#changed];
    if (onChange && changed.length > 0) tx.afterCommit(() => onChange(changed));
  }

  #note(state: FinalizationState): void {
    this.#waiting.set(state.id, state);
    this.ledger.decided(state);
  }
}

const FREE = { blocker: undefined, blockerEnd: undefined, closedBy: undefined };
