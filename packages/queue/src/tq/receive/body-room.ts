/** The memory of the bodies of all pushes that are read or in work: however many come, it is bounded. */

/** What one body holds. */
export interface HeldBody {
  /** Returns false if there is no room for that many bytes more. */
  take(bytes: number): boolean;
  release(): void;
}

export class BodyRoom {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  open(): HeldBody {
    let held = 0;
    return {
      take: (bytes) => {
        if (bytes > this.#left) return false;
        this.#left -= bytes;
        held += bytes;
        return true;
      },
      release: () => {
        this.#left += held;
        held = 0;
      },
    };
  }
}
