/**
 * Which pooled connections can be believed to work. Once one has fallen silent, all others that have
 * not been heard of since may be as dead: what cuts one off often cuts off all.
 */
import { isSilence } from '../errors.ts';

export class Trust {
  /** How often a connection has fallen silent. */
  #silences = 0;
  /** How many silences there had been when a connection last answered. */
  readonly #heardAt = new WeakMap<object, number>();

  has(client: object): boolean {
    return this.#heardAt.get(client) === this.#silences;
  }

  heard(client: object): void {
    this.#heardAt.set(client, this.#silences);
  }

  /** Learns from how a statement ends. */
  async watch<T>(client: object, answer: Promise<T>): Promise<T> {
    try {
      const value = await answer;
      this.heard(client);
      return value;
    } catch (error) {
      if (isSilence(error)) this.#silences += 1;
      throw error;
    }
  }
}
