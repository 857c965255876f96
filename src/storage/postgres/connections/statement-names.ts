/**
 * Names for prepared statements: the same text has the same name on every connection, so that each
 * parses and plans it once. Bounded, since servers keep what is prepared: texts beyond the limit
 * stay without a name.
 */
const MAX_NAMES = 500;

export class StatementNames {
  readonly #names = new Map<string, string>();

  nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined || this.#names.size >= MAX_NAMES) return known;
    const name = `postlude_${this.#names.size + 1}`;
    this.#names.set(text, name);
    return name;
  }
}
