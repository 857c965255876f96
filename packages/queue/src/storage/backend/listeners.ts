/** The listeners of each channel. An error that a listener throws is logged and goes no further. */
import { CodedError, toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';

export type Listener = (payload: string) => void;

const MAX_PAYLOAD_BYTES = 7000;

/** Throws `invalid-argument` for a notification that PostgreSQL might refuse. */
export function checkPayload(payload: string): void {
  const size = Buffer.byteLength(payload);
  if (size <= MAX_PAYLOAD_BYTES) return;
  throw new CodedError(
    'invalid-argument',
    `a notification has ${size} bytes; the limit is ${MAX_PAYLOAD_BYTES}`,
  );
}

export class Listeners {
  readonly #channels = new Map<string, Set<Listener>>();

  /** Adds a listener, which may be the same function again. Returns a function that removes it. */
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

  /** The channels that have a listener. */
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
