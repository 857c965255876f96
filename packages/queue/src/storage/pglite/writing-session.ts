/** A session that checks for room before each statement that writes, and counts what it writes. */
import type { Session, SessionResult } from '../postgres/session.ts';
import type { WireParam } from '../postgres/types.ts';

export interface WriteObserver {
  /** Called before each statement that writes; throws if it must not run. */
  beforeWrite(bytes: number): void;
}

const READS = /^\s*(SELECT|DECLARE|FETCH|CLOSE|SET|SHOW)\b/i;

export class WritingSession implements Session {
  readonly #session: Session;
  readonly #observer: WriteObserver;

  constructor(session: Session, observer: WriteObserver) {
    this.#session = session;
    this.#observer = observer;
  }

  async run(text: string, values: readonly WireParam[] = []): Promise<SessionResult> {
    if (!READS.test(text)) this.#observer.beforeWrite(lengthOf(values));
    return await this.#session.run(text, values);
  }

  async runScript(text: string): Promise<void> {
    this.#observer.beforeWrite(text.length);
    await this.#session.runScript(text);
  }
}

function lengthOf(values: readonly WireParam[]): number {
  return values.reduce((sum, value) => sum + (value?.length ?? 0), 0);
}
