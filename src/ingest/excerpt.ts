/**
 * The beginning and the end of a text that grows, in bounded memory: what went wrong stands at the
 * beginning of most failures, and at the end of most output. What was left out is told between.
 */
export class Excerpt {
  readonly #maxHead: number;
  readonly #maxTail: number;
  #head = '';
  /** At most twice as long as it may become. */
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

/** Both ends of `text`, as an Excerpt has them. */
export function excerptOf(text: string, maxLength?: number): string {
  const excerpt = new Excerpt(maxLength);
  excerpt.add(text);
  return excerpt.text;
}

function lastOf(text: string, length: number): string {
  return length === 0 ? '' : text.slice(-length);
}
