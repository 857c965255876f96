/**
 * Which pooled connections can be trusted to work. After one has fallen silent, all others that have not
 * answered since may be dead, too, as whatever cuts off one connection often cuts off all.
 */
import { isSilence } from '../errors.ts';

export class Trust {
  /** How often a connection has fallen silent. */
  #silences = 0;
  /** For each connection, how many silences there had been when it last answered. */
  readonly #heardAt = new WeakMap<object, number>();

  has(client: object): boolean {
    return this.#heardAt.get(client) === this.#silences;
  }

  heard(client: object): void {
    this.#heardAt.set(client, this.#silences);
  }

  /** Notes how a statement of the connection ends. */
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
