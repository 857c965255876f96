/** Bounds the bytes that are on their way, over all exports of a sink. */
export class ByteBudget {
  readonly #maxBytes: number;
  #used = 0;
  #waiting: (() => void)[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes the bytes if there is room. A request larger than the budget has room if nothing is used. */
  tryTake(bytes: number): boolean {
    if (this.#used > 0 && this.#used + bytes > this.#maxBytes) return false;
    this.#used += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Waits until some bytes have been given back. */
  async change(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
