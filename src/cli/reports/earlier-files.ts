/**
 * Tells files that a command has written from those that were there before it: by size and time of
 * change, as make and rsync do.
 */
import { stat } from 'node:fs/promises';

export class EarlierFiles {
  /** Nothing was there before. */
  static readonly none = new EarlierFiles(new Map());

  readonly #marks: ReadonlyMap<string, string>;

  private constructor(marks: ReadonlyMap<string, string>) {
    this.#marks = marks;
  }

  /** How `files` are now. */
  static async at(files: readonly string[]): Promise<EarlierFiles> {
    const marks = new Map<string, string>();
    for (const file of files) marks.set(file, await markOf(file));
    return new EarlierFiles(marks);
  }

  /** Those of `files` that are as they were. */
  async unchangedOf(files: readonly string[]): Promise<ReadonlySet<string>> {
    const unchanged = new Set<string>();
    for (const file of files) {
      const before = this.#marks.get(file);
      if (before !== undefined && before === (await markOf(file))) unchanged.add(file);
    }
    return unchanged;
  }
}

/** Never that of a file that is there, where it is not. */
async function markOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found ? `${found.size} ${found.mtimeNs}` : '';
}
