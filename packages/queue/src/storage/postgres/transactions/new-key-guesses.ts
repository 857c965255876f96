/**
 * Guesses whether all keys of an insert are new. PostgreSQL takes half as long again for a row that it
 * inserts with ON CONFLICT, as it looks for the key before, and confirms the row in its log afterwards. A plain
 * INSERT needs neither, but if one key exists, its transaction fails and has to run again.
 *
 * So large inserts are guessed to be new. After a wrong guess there are none for a while, which doubles with
 * each further one: a server logs each failed insert, and callers that insert the same keys again and again
 * shall neither fill its log nor wait twice.
 */
import type { AnyTable } from '../../table.ts';

/** For fewer rows, the commit costs so much more that the guess gains nothing. */
export const MIN_GUESSED_ROWS = 64;
const FIRST_PAUSE = 8;
const MAX_PAUSE = 1024;

interface History {
  /** How many large inserts are still not to be guessed. */
  left: number;
  /** How many it will be after the next wrong guess. */
  nextPause: number;
}

export class NewKeyGuesses {
  readonly #histories = new Map<string, History>();

  /** Whether to insert the rows as if all of their keys were new. Call it once for each insert. */
  areNew(table: AnyTable, rows: number): boolean {
    if (rows < MIN_GUESSED_ROWS) return false;
    const history = this.#histories.get(table.name);
    if (history === undefined || history.left === 0) return true;
    history.left -= 1;
    return false;
  }

  wasRight(table: AnyTable): void {
    this.#histories.delete(table.name);
  }

  wasWrong(table: AnyTable): void {
    const pause = this.#histories.get(table.name)?.nextPause ?? FIRST_PAUSE;
    this.#histories.set(table.name, { left: pause, nextPause: Math.min(2 * pause, MAX_PAUSE) });
  }
}
