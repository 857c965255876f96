/**
 * The sockets of a pool's connections, so that they can be cut; the driver itself would wait for an answer.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

type OpenStream = () => Duplex;

export class Sockets {
  readonly #open = new Set<Duplex>();

  /** The driver calls this for the socket of each connection. */
  opener(open: () => Duplex | undefined = () => new Socket()): OpenStream {
    return () => {
      const socket = open() ?? new Socket();
      this.#keep(socket);
      return socket;
    };
  }

  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** The sockets may still end in order, but keep no process alive, as a silent server never answers. */
  letGo(): void {
    for (const socket of this.#open) if (socket instanceof Socket) socket.unref();
  }

  #keep(socket: Duplex): void {
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
  }
}
