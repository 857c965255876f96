import { Writable } from 'node:stream';

/** A stream that keeps what is written to it; a terminal, if `isTTY` says so. */
export class MemoryStream extends Writable {
  readonly isTTY: boolean;
  readonly #chunks: string[] = [];

  constructor(options: { readonly isTTY?: boolean } = {}) {
    super();
    this.isTTY = options.isTTY ?? false;
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.#chunks.push(String(chunk));
    done();
  }

  text(): string {
    return this.#chunks.join('');
  }
}
