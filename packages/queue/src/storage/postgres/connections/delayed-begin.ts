/**
 * Delays BEGIN until the first statement of its transaction, and sends both in one packet, with all other
 * statements that are sent before the next turn. The server process then wakes once for all of them.
 */
import type { Duplex } from 'node:stream';

/** What the types of `pg` do not tell: the socket can be reached. */
export interface StreamClient {
  readonly connection: { readonly stream: Pick<Duplex, 'cork' | 'uncork'> };
}

export class DelayedBegin {
  readonly #client: StreamClient;
  #send: (() => void) | undefined;

  constructor(client: StreamClient) {
    this.#client = client;
  }

  /** Settles as `begin` does, which is called by the next `send`. */
  delay(begin: () => Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#send = () => void begin().then(resolve, reject);
    return promise;
  }

  /** Call it before each statement. */
  send(): void {
    const send = this.#send;
    if (send === undefined) return;
    this.#send = undefined;
    const { stream } = this.#client.connection;
    stream.cork();
    send();
    process.nextTick(() => stream.uncork());
  }
}
