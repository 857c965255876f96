/**
 * Distinguishes files that a command has written from those that were there before, by size and time of
 * change, as make and rsync do.
 */
import { stat } from 'node:fs/promises';

export class EarlierFiles {
  /** For when no file was there before. */
  static readonly none = new EarlierFiles(new Map());

  readonly #marks: ReadonlyMap<string, string>;

  private constructor(marks: ReadonlyMap<string, string>) {
    this.#marks = marks;
  }

  /** Records the current state of `files`. */
  static async at(files: readonly string[]): Promise<EarlierFiles> {
    const marks = new Map<string, string>();
    for (const file of files) marks.set(file, await markOf(file));
    return new EarlierFiles(marks);
  }

  /** Returns those of `files` that have not changed since. */
  async unchangedOf(files: readonly string[]): Promise<ReadonlySet<string>> {
    const unchanged = new Set<string>();
    for (const file of files) {
      const before = this.#marks.get(file);
      if (before !== undefined && before === (await markOf(file))) unchanged.add(file);
    }
    return unchanged;
  }
}

/** Returns '' for a missing file; no existing file can have that mark. */
async function markOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found ? `${found.size} ${found.mtimeNs}` : '';
}
