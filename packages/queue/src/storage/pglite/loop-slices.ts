/**
 * Lets the event loop turn between the statements of an embedded database. Its PostgreSQL runs within the
 * process, and its promises resolve without a turn of the loop: one statement would follow the other, and
 * all that the process has to do besides would wait until nobody needs the database any more.
 */
import { monotonicMs } from '../../foundations/clock.ts';
import { nextTurn } from '../../foundations/concurrency.ts';
import type { Session } from '../postgres/session.ts';

/** For how long statements follow one another. A single statement may take longer. */
export const SLICE_MS = 5;

interface Slice {
  readonly begunAt: number;
  readonly over: Promise<void>;
}

export class LoopSlices {
  readonly #now: () => number;
  #slice: Slice | undefined;

  constructor(now: () => number = monotonicMs) {
    this.#now = now;
  }

  /** Returns the session, whose statements wait for the next turn if this one has taken long. */
  of(session: Session): Session {
    return {
      run: async (text, values) => {
        await this.#rest();
        return await session.run(text, values);
      },
      runScript: async (text) => {
        await this.#rest();
        await session.runScript(text);
      },
    };
  }

  async #rest(): Promise<void> {
    const { begunAt, over } = this.#present();
    if (this.#now() - begunAt < SLICE_MS) return;
    await over;
    this.#present();
  }

  #present(): Slice {
    this.#slice ??= { begunAt: this.#now(), over: nextTurn().then(() => this.#end()) };
    return this.#slice;
  }

  #end(): void {
    this.#slice = undefined;
  }
}
