/**
 * Wakes the invocations that wait for those that a transaction has finalized. It tries them in the
 * same transaction, and then those that wait for them, within bounds; the others get a task each.
 */
import { chunk } from '@postlude/queue/foundations';
import { readWaits, type Wait } from '../../invocations/finalization-state.ts';
import { type InvocationId, toRowId } from '../../invocations/id.ts';
import { DEFAULT_BOUNDS } from '../bounds.ts';
import type { FinalizerParts } from '../parts.ts';
import { isQuestion } from '../questions.ts';
import type { NewTry } from '../schedule.ts';
import type { Verdict } from '../verdict.ts';
import type { Decisions } from './decisions.ts';

const BATCH_IDS = 500;

export interface CascadeSteps {
  /** Reads what the tries of these will look at. */
  readonly prepare: (ids: readonly InvocationId[]) => Promise<void>;
  readonly tryWoken: (id: InvocationId) => Promise<Verdict>;
}

export class Cascade {
  readonly #decisions: Decisions;
  readonly #steps: CascadeSteps;
  #wakes: number;
  #tries: number;
  #depth: number;

  constructor(
    { bounds = DEFAULT_BOUNDS }: FinalizerParts,
    decisions: Decisions,
    steps: CascadeSteps,
  ) {
    this.#decisions = decisions;
    this.#steps = steps;
    this.#wakes = bounds.wakes;
    this.#tries = bounds.cascade;
    this.#depth = bounds.cascadeDepth;
  }

  async run(): Promise<void> {
    for (;;) {
      const finalized = this.#decisions.takeToWake();
      if (finalized.length === 0) return;
      await this.#wakeWaitersOf(finalized);
      this.#depth -= 1;
    }
  }

  async #wakeWaitersOf(finalized: readonly InvocationId[]): Promise<void> {
    for (const batch of chunk(finalized, BATCH_IDS)) {
      const limit = Math.max(this.#wakes, 0) + batch.length;
      const stored = await readWaits(this.#decisions.tx, batch, limit);
      const waits = [
        ...stored.filter((wait) => !this.#decisions.isOver(wait)),
        ...this.#decisions.waitsFor(new Set(batch)),
      ];
      this.#wakes -= waits.length;
      await this.#wake([...new Map(waits.map((wait) => [wait.waiter, wait])).values()]);
      const last = stored.length === limit ? stored.at(-1) : undefined;
      if (last) this.#decisions.schedule(furtherTries(batch, last));
    }
  }

  async #wake(waits: readonly Wait[]): Promise<void> {
    const { ledger } = this.#decisions;
    await ledger.load(waits.map(({ waiter }) => waiter));
    for (const { waiter } of waits) {
      const state = ledger.known(waiter);
      if (state) this.#decisions.free(state);
    }
    const tried = this.#depth > 0 ? waits.slice(0, Math.max(this.#tries, 0)) : [];
    this.#tries -= tried.length;
    await this.#steps.prepare(tried.map(({ waiter }) => waiter));
    const left = new Set(waits);
    for (const wait of tried) {
      if (!isQuestion(await this.#steps.tryWoken(wait.waiter))) left.delete(wait);
    }
    this.#decisions.schedule([...left].map(wakingTry));
  }
}

/** Each pair has a task of its own: a task that another blocker enqueued may be running already. */
function wakingTry({ waiter, blocker }: Wait): NewTry {
  return { id: waiter, taskId: `${toRowId(blocker)}/${toRowId(waiter)}` };
}

/** A try of a FINALIZED invocation wakes the invocations that still wait for it. */
function furtherTries(blockers: readonly InvocationId[], last: Wait): NewTry[] {
  const lastBlocker = toRowId(last.blocker);
  return blockers
    .filter((id) => toRowId(id) >= lastBlocker)
    .map((id) => ({ id, taskId: `${toRowId(id)}/more/${toRowId(last.waiter)}` }));
}
