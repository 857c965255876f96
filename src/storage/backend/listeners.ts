/** Who listens on which channel. What a listener throws is logged and reaches nobody. */
import { CodedError, toError } from '../../errors.ts';
import type { Log } from '../../log.ts';

export type Listener = (payload: string) => void;

const MAX_PAYLOAD_BYTES = 7000;

/** Throws `invalid-argument` for what PostgreSQL might refuse. */
export function checkPayload(payload: string): void {
  const size = Buffer.byteLength(payload);
  if (size <= MAX_PAYLOAD_BYTES) return;
  throw new CodedError(
    'invalid-argument',
    `a notification of ${size} bytes (at most ${MAX_PAYLOAD_BYTES})`,
  );
}

export class Listeners {
  readonly #channels = new Map<string, Set<Listener>>();

  /** Adds a listener, the same function again if need be; answers what removes it. */
  add(channel: string, fn: Listener): () => void {
    const listeners = this.#channels.get(channel) ?? new Set();
    const listener: Listener = (payload) => fn(payload);
    this.#channels.set(channel, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#channels.get(channel) === listeners) {
        this.#channels.delete(channel);
      }
    };
  }

  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  /** Those with a listener. */
  channels(): string[] {
    return [...this.#channels.keys()];
  }

  clear(): void {
    this.#channels.clear();
  }

  deliver(channel: string, payload: string, log: Log): void {
    for (const listener of [...(this.#channels.get(channel) ?? [])]) {
      try {
        listener(payload);
      } catch (error) {
        log.error('a listener failed', { channel, error: toError(error) });
      }
    }
  }
}
