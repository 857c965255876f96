/** A progress line that rewrites itself, only on a terminal and at most ten times a second. */
import type { Clock } from '@postlude/queue/foundations';
import type { OutputStream } from '../context.ts';
import { visibleText } from './visible-text.ts';

const MIN_INTERVAL_MS = 100;

export class Progress {
  readonly #stream: OutputStream;
  readonly #clock: Clock;
  readonly #isShown: boolean;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #isDrawn = false;

  constructor(stream: OutputStream, clock: Clock, isWanted: boolean) {
    this.#stream = stream;
    this.#clock = clock;
    this.#isShown = isWanted && stream.isTTY === true;
  }

  update(text: string): void {
    if (!this.#isShown || this.#clock.monotonicMs() - this.#drawnAt < MIN_INTERVAL_MS) return;
    this.#drawnAt = this.#clock.monotonicMs();
    this.#isDrawn = true;
    const width = Math.max(20, (this.#stream.columns ?? 80) - 1);
    this.#stream.write(`\r\u001b[2K${visibleText(text).slice(0, width)}`);
  }

  /** Removes the line, so that the next output starts on an empty line. */
  clear(): void {
    if (this.#isDrawn) this.#stream.write('\r\u001b[2K');
    this.#isDrawn = false;
  }
}
