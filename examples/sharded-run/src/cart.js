/** A shopping cart, in cents. */
export class Cart {
  #lines = new Map();

  add(sku, cents, count = 1) {
    if (!Number.isInteger(cents) || cents < 0) throw new RangeError(`not a price: ${cents}`);
    const line = this.#lines.get(sku) ?? { cents, count: 0 };
    this.#lines.set(sku, { cents, count: line.count + count });
    return this;
  }

  remove(sku) {
    return this.#lines.delete(sku);
  }

  get size() {
    return this.#lines.size;
  }

  total(discountPercent = 0) {
    let sum = 0;
    for (const { cents, count } of this.#lines.values()) sum += cents * count;
    return Math.round((sum * (100 - discountPercent)) / 100);
  }
}
