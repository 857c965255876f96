/**
 * Names for prepared statements. The same text has the same name on every connection, so each connection
 * parses and plans it once. Servers keep what is prepared, so the number of names is limited; texts beyond
 * the limit get no name.
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
