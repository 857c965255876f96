/**
 * Splits text that arrives in chunks into numbered lines. Memory is bounded by the chunk and by
 * `maxLength`: a longer line is cut off there, and marked.
 */

export interface Line {
  /** The line without its end (LF or CRLF). */
  readonly text: string;
  /** Counted from 1. */
  readonly number: number;
  /** True if the line was longer than the limit; `text` is then its beginning. */
  readonly isCutOff: boolean;
  /** False only for a last line without a line end: the file may have been cut there. */
  readonly isClosed: boolean;
}

/** Far more than any runner writes on one line, and far less than would use too much memory. */
export const MAX_LINE_LENGTH = 4 * 1024 * 1024;

export class LineSplitter {
  readonly #maxLength: number;
  #number = 0;
  #rest = '';
  #isCutOff = false;

  constructor(maxLength = MAX_LINE_LENGTH) {
    this.#maxLength = maxLength;
  }

  /** Yields the lines that `chunk` completes. */
  *push(chunk: string): Generator<Line> {
    let start = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
      this.#append(chunk, start, end);
      yield this.#take(true);
      start = end + 1;
    }
    this.#append(chunk, start, chunk.length);
  }

  /** Yields what is left after the last line end. */
  *end(): Generator<Line> {
    if (this.#rest !== '') yield this.#take(false);
  }

  #append(chunk: string, start: number, end: number): void {
    const room = this.#maxLength - this.#rest.length;
    if (end - start > room) this.#isCutOff = true;
    this.#rest += chunk.slice(start, Math.min(end, start + room));
  }

  #take(isClosed: boolean): Line {
    const text = this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest;
    this.#number += 1;
    const line = { text, number: this.#number, isCutOff: this.#isCutOff, isClosed };
    this.#rest = '';
    this.#isCutOff = false;
    return line;
  }
}
