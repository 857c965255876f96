/**
 * The beginning of a text that grows: enough to tell what went wrong, in bounded memory. What was
 * left out is told at the end.
 */
export class Excerpt {
  readonly #maxLength: number;
  #text = '';
  #leftOut = 0;

  constructor(maxLength = 4096) {
    this.#maxLength = maxLength;
  }

  add(piece: string): void {
    const taken = piece.slice(0, Math.max(0, this.#maxLength - this.#text.length));
    this.#text += taken;
    this.#leftOut += piece.length - taken.length;
  }

  get text(): string {
    const text = this.#text.trim();
    return this.#leftOut === 0 ? text : `${text}\n… (${this.#leftOut} more characters)`;
  }
}
