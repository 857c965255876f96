/**
 * Walks what an invocation in a cycle of waits reaches and what is not FINALIZED. The walk ends
 * with all of it, or with an ACTIVE invocation. It holds in memory the ids of what is not
 * FINALIZED.
 *
 * Reads of different snapshots fit together: an invocation that has left ACTIVE keeps its
 * inclusions, and one that is FINALIZED need not be looked at, as it reaches only FINALIZED ones.
 */
import { chunk } from '@postlude/queue/foundations';
import type { Database, Reader } from '@postlude/queue/storage';
import {
  type FinalizationState,
  readFinalizationStates,
} from '../invocations/finalization-state.ts';
import { type InvocationId, type RowId, toRowOrder } from '../invocations/id.ts';
import { type Inclusion, inclusionsPage } from '../invocations/inclusions.ts';
import type { Answers } from './questions.ts';

const BATCH_IDS = 500;
const PAGE_ROWS = 1000;

/** The invocation is FINALIZING. Each snapshot is held for at most `maxQueries` queries. */
export async function walkCycle(
  db: Pick<Database, 'read'>,
  id: InvocationId,
  maxQueries: number,
): Promise<Pick<Answers, 'active' | 'closed'>> {
  const walk = new Walk(id);
  while (!walk.isDone) await db.read((reader) => walk.continue(reader, maxQueries));
  return walk.active === undefined ? { closed: [...walk.seen] } : { active: walk.active };
}

interface Step {
  readonly batch: readonly RowId[];
  readonly after: Inclusion | undefined;
}

class Walk {
  readonly seen: Set<InvocationId>;
  active: InvocationId | undefined;
  readonly #steps: Step[];

  constructor(root: InvocationId) {
    this.seen = new Set([root]);
    this.#steps = [{ batch: toRowOrder([root]), after: undefined }];
  }

  get isDone(): boolean {
    return this.active !== undefined || this.#steps.length === 0;
  }

  async continue(reader: Reader, maxQueries: number): Promise<void> {
    for (let queries = 0; queries < maxQueries && !this.isDone; queries++) {
      const step = this.#steps.shift();
      if (step) await this.#take(reader, step);
    }
  }

  async #take(reader: Reader, { batch, after }: Step): Promise<void> {
    const page = await inclusionsPage(reader, batch, { after, limit: PAGE_ROWS });
    const news = new Set(page.map(({ included }) => included).filter((id) => !this.seen.has(id)));
    this.#visit(await readFinalizationStates(reader, news));
    const last = page.at(-1);
    if (last && page.length === PAGE_ROWS) this.#steps.push({ batch, after: last });
  }

  #visit(found: readonly FinalizationState[]): void {
    this.active = found.find(({ state }) => state === 'ACTIVE')?.id;
    const finalizing = found.filter(({ state }) => state === 'FINALIZING').map(({ id }) => id);
    for (const id of finalizing) this.seen.add(id);
    for (const batch of chunk(toRowOrder(finalizing), BATCH_IDS)) {
      this.#steps.push({ batch, after: undefined });
    }
  }
}
