/** The output of one job of a simulated pipeline, in all of its attempts. */
export class JobLog {
  readonly name: string;
  #text = '';
  readonly #waiting = new Set<() => void>();

  constructor(name: string) {
    this.name = name;
  }

  get text(): string {
    return this.#text;
  }

  add(text: string): void {
    this.#text += text;
    for (const look of this.#waiting) look();
  }

  /** Waits until `pattern` was printed, and returns what it captures. */
  printed(pattern: RegExp): Promise<string> {
    return new Promise((resolve) => {
      const look = (): void => {
        const match = pattern.exec(this.#text);
        if (match === null) return;
        this.#waiting.delete(look);
        resolve(match[1] ?? match[0]);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
