/**
 * Keeps the beginning and the end of a growing text in bounded memory: most failures explain themselves at
 * the beginning, and most output does at the end. A remark between the two says how much was left out.
 */
export class Excerpt {
  readonly #maxHead: number;
  readonly #maxTail: number;
  #head = '';
  /** Grows to twice its final length before it is cut. */
  #tail = '';
  #length = 0;

  constructor(maxLength = 4096) {
    this.#maxTail = Math.floor(maxLength / 2);
    this.#maxHead = maxLength - this.#maxTail;
  }

  add(piece: string): void {
    const taken = piece.slice(0, Math.max(0, this.#maxHead - this.#head.length));
    this.#head += taken;
    this.#length += piece.length;
    // A long piece must not stay alive, and the tail is not cut at each short one.
    const rest = piece.slice(Math.max(taken.length, piece.length - this.#maxTail));
    this.#tail += rest;
    if (this.#tail.length > 2 * this.#maxTail) this.#tail = lastOf(this.#tail, this.#maxTail);
  }

  get text(): string {
    const tail = lastOf(this.#tail, this.#maxTail);
    const leftOut = this.#length - this.#head.length - tail.length;
    if (leftOut === 0) return (this.#head + tail).trim();
    return `${this.#head}\n… (${leftOut} characters left out) …\n${tail}`.trim();
  }
}

/** Returns the beginning and the end of `text`, as an Excerpt keeps them. */
export function excerptOf(text: string, maxLength?: number): string {
  const excerpt = new Excerpt(maxLength);
  excerpt.add(text);
  return excerpt.text;
}

function lastOf(text: string, length: number): string {
  return length === 0 ? '' : text.slice(-length);
}
