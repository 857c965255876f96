/**
 * What is known of invocations within one transaction or snapshot: the states that were read, each
 * once, and those that the transaction has decided since. A transaction does not see its own
 * writes, so the decisions of a group read from here what the earlier ones have decided.
 */
import type { Reader } from '@postlude/queue/storage';
import {
  type FinalizationState,
  readFinalizationStates,
} from '../../invocations/finalization-state.ts';
import type { InvocationId } from '../../invocations/id.ts';
import { toRowId, toRowOrder } from '../../invocations/id.ts';
import { includedPage, inclusionsPage, type Page } from '../../invocations/inclusions.ts';

/** The first direct inclusions of an invocation, in key order. */
interface Inclusions {
  readonly ids: readonly InvocationId[];
  readonly isComplete: boolean;
}

/** How many inclusions of each invocation one read for many of them counts on. */
const ROWS_EACH = 4;

export class Ledger<R extends Reader = Reader> {
  readonly reader: R;
  readonly #states = new Map<InvocationId, FinalizationState | undefined>();
  readonly #inclusions = new Map<InvocationId, Inclusions>();

  constructor(reader: R) {
    this.reader = reader;
  }

  /** Returns `undefined` if there is no such invocation. */
  async state(id: InvocationId): Promise<FinalizationState | undefined> {
    await this.load([id]);
    return this.#states.get(id);
  }

  /** Reads those that are not known yet. */
  async load(ids: Iterable<InvocationId | undefined>): Promise<void> {
    const unknown = new Set<InvocationId>();
    for (const id of ids) if (id !== undefined && !this.#states.has(id)) unknown.add(id);
    if (unknown.size === 0) return;
    const found = await readFinalizationStates(this.reader, unknown);
    for (const id of unknown) this.#states.set(id, undefined);
    for (const state of found) this.#states.set(state.id, state);
  }

  /** Returns what is known, without reading. */
  known(id: InvocationId | undefined): FinalizationState | undefined {
    return id === undefined ? undefined : this.#states.get(id);
  }

  /** Notes what the transaction has decided. */
  decided(state: FinalizationState): void {
    this.#states.set(state.id, state);
  }

  /** Reads the first inclusions of many invocations, in as few reads as there are long lists. */
  async loadInclusions(ids: readonly InvocationId[]): Promise<void> {
    let left = toRowOrder(ids.filter((id) => !this.#inclusions.has(id)));
    const idsByRow = new Map(ids.map((id) => [toRowId(id), id]));
    while (left.length > 0) {
      const limit = left.length * ROWS_EACH;
      const page = await inclusionsPage(this.reader, left, { after: undefined, limit });
      const lists = Map.groupBy(page, ({ including }) => including);
      const cutAt = page.length < limit ? undefined : page.at(-1)?.including;
      const isRead = (id: InvocationId): boolean =>
        cutAt === undefined || toRowId(id) <= toRowId(cutAt);
      for (const rowId of left) {
        const id = idsByRow.get(rowId);
        if (id === undefined || !isRead(id)) continue;
        const included = (lists.get(id) ?? []).map((inclusion) => inclusion.included);
        this.#inclusions.set(id, { ids: included, isComplete: id !== cutAt });
      }
      left = left.filter((rowId) => !isRead(idsByRow.get(rowId) as InvocationId));
    }
  }

  /** Returns the inclusions that `loadInclusions` has found, after the given one. */
  knownInclusions(id: InvocationId, after: InvocationId | undefined): readonly InvocationId[] {
    const ids = this.#inclusions.get(id)?.ids ?? [];
    return after === undefined ? ids : ids.filter((each) => toRowId(each) > toRowId(after));
  }

  /** Returns a page of the invocations that it includes directly, in key order. */
  async includedPage(id: InvocationId, page: Page): Promise<readonly InvocationId[]> {
    const known = this.knownInclusions(id, page.after);
    const isComplete = this.#inclusions.get(id)?.isComplete;
    if (isComplete || known.length >= page.limit) return known.slice(0, page.limit);
    return await includedPage(this.reader, id, page);
  }
}
