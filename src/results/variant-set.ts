type VariantKey = { readonly testId: string; readonly variantHash: string };

/** Test variants by test id and hash of the variant. */
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
