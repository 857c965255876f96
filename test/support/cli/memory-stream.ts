import { Writable } from 'node:stream';

export interface MemoryStreamOptions {
  readonly isTTY?: boolean;
  /** Called with each piece of text as it is written. */
  readonly onText?: (text: string) => void;
}

/** A stream that keeps everything that is written to it. It is a terminal if `isTTY` is true. */
export class MemoryStream extends Writable {
  readonly isTTY: boolean;
  readonly #chunks: string[] = [];
  readonly #onText: (text: string) => void;

  constructor(options: MemoryStreamOptions = {}) {
    super();
    this.isTTY = options.isTTY ?? false;
    this.#onText = options.onText ?? (() => undefined);
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.#chunks.push(String(chunk));
    this.#onText(String(chunk));
    done();
  }

  text(): string {
    return this.#chunks.join('');
  }
}
