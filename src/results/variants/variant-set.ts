import { emptySql, type Reader, raw, type Sql, sql, textArray } from '@postlude/queue/storage';
import { CompactVariantSet, type VariantKey } from './compact-variants.ts';

/** With more tests than this, it is faster to read in order and to let the set decide. */
const MAX_TEST_IDS = 500;

/** A set of test variants that takes at most 48 bytes for each, and knows the tests if they are few. */
export class VariantSet {
  readonly #variants = new CompactVariantSet();
  #testIds: Set<string> | undefined = new Set();

  add(variant: VariantKey): void {
    this.#variants.add(variant);
    this.#testIds?.add(variant.testId);
    if ((this.#testIds?.size ?? 0) > MAX_TEST_IDS) this.#testIds = undefined;
  }

  delete(variant: VariantKey): void {
    this.#variants.delete(variant);
  }

  has(variant: VariantKey): boolean {
    return this.#variants.has(variant);
  }

  /** The memory that the set takes, without the ids of its tests. */
  get bytes(): number {
    return this.#variants.bytes;
  }

  /** The tests that it has, and perhaps some whose variants were deleted; `undefined` if there were many. */
  get testIds(): ReadonlySet<string> | undefined {
    return this.#testIds;
  }

  /** Whether it has so few tests that it should know them, and does not. */
  get hasForgottenFew(): boolean {
    return this.#testIds === undefined && this.#variants.size <= MAX_TEST_IDS;
  }

  /** The ids must be those of all its tests; there may be others. */
  learnTests(testIds: ReadonlySet<string>): void {
    this.#testIds = new Set(testIds);
  }
}

/** Returns a condition ` AND …` for the tests of the set if these are few; otherwise nothing. */
export function onlyTestsOf({ dialect }: Reader, variants: VariantSet | undefined): Sql {
  if (variants?.testIds === undefined) return emptySql;
  return sql` AND ${dialect.isAnyOf(raw('test_id'), textArray([...variants.testIds]))}`;
}
