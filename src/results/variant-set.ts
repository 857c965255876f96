import { emptySql, type Reader, raw, type Sql, sql, textArray } from '@postlude/queue/storage';

type VariantKey = { readonly testId: string; readonly variantHash: string };

/** A set of test variants, by test id and hash of the variant. */
export class VariantSet {
  readonly #hashes = new Map<string, Set<string>>();

  add({ testId, variantHash }: VariantKey): void {
    const hashes = this.#hashes.get(testId);
    if (hashes) hashes.add(variantHash);
    else this.#hashes.set(testId, new Set([variantHash]));
  }

  delete({ testId, variantHash }: VariantKey): void {
    const hashes = this.#hashes.get(testId);
    hashes?.delete(variantHash);
    if (hashes?.size === 0) this.#hashes.delete(testId);
  }

  has({ testId, variantHash }: VariantKey): boolean {
    return this.#hashes.get(testId)?.has(variantHash) ?? false;
  }

  get testCount(): number {
    return this.#hashes.size;
  }

  testIds(): Iterable<string> {
    return this.#hashes.keys();
  }
}

/** With more tests than this, it is faster to read in order and to let the set decide. */
const MAX_TEST_IDS = 500;

/** Returns a condition ` AND …` for the tests of the set if these are few; otherwise nothing. */
export function onlyTestsOf({ dialect }: Reader, variants: VariantSet | undefined): Sql {
  if (variants === undefined || variants.testCount > MAX_TEST_IDS) return emptySql;
  return sql` AND ${dialect.isAnyOf(raw('test_id'), textArray([...variants.testIds()]))}`;
}
