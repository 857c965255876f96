/**
 * The secrets of this process: tokens that it sends. A server, or a proxy before it, may repeat one in an
 * error, and what a command prints ends up in the log of a job, which many can read.
 */
import type { Writable } from 'node:stream';

/** A shorter text may stand in any word. */
const LEAST_LENGTH = 8;
const HIDDEN = '[secret]';

export class OwnSecrets {
  readonly #secrets = new Set<string>();

  add(secret: string | null | undefined): void {
    if (secret && secret.length >= LEAST_LENGTH) this.#secrets.add(secret);
  }

  hideIn(text: string): string {
    let hidden = text;
    for (const secret of this.#secrets) hidden = hidden.replaceAll(secret, HIDDEN);
    return hidden;
  }

  /** Returns the stream, which prints no secret that is known by then. */
  hiddenIn<S extends Writable>(stream: S): S {
    const write = (text: unknown, ...more: unknown[]): unknown =>
      Reflect.apply(stream.write, stream, [
        typeof text === 'string' ? this.hideIn(text) : text,
        ...more,
      ]);
    return new Proxy(stream, {
      get(target, name) {
        if (name === 'write') return write;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}
