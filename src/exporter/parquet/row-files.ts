/**
 * The rows of an export as JSON lines, in files of a few megabytes. DuckDB reads up to 32 MB of a file at once,
 * twice, so one large file would take 30 to 40 MB more. The same rows are in the same files, whatever the batches.
 */
import { join } from 'node:path';
import type { Disk, DiskFile } from './disk.ts';

export interface RowPaths {
  /** The first file. */
  readonly rows: string;
  /** A folder for all others, whose names are in their order. It exists only if there are others. */
  readonly more: string;
}

/** A single row that is longer gets a file of its own. */
const MAX_FILE_CHARACTERS = 2 * 1024 * 1024;
/** Enough for 200 TB, so that the order of the names is that of the numbers. */
const DIGITS = 8;

export class RowFiles {
  readonly #disk: Disk;
  readonly #paths: RowPaths;
  #file: DiskFile;
  #characters = 0;
  #count = 1;

  private constructor(disk: Disk, paths: RowPaths, file: DiskFile) {
    this.#disk = disk;
    this.#paths = paths;
    this.#file = file;
  }

  /** Throws if there is a file of rows. */
  static async create(disk: Disk, paths: RowPaths): Promise<RowFiles> {
    return new RowFiles(disk, paths, await disk.create(paths.rows));
  }

  /** The folder with further files, if there are any. */
  get more(): string | undefined {
    return this.#count > 1 ? this.#paths.more : undefined;
  }

  async append(lines: Iterable<string>): Promise<void> {
    let text = '';
    for (const line of lines) {
      if (this.#characters > 0 && this.#characters + line.length > MAX_FILE_CHARACTERS) {
        await this.#file.write(text);
        await this.#beginNext();
        text = '';
      }
      text += line;
      this.#characters += line.length;
    }
    await this.#file.write(text);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #beginNext(): Promise<void> {
    await this.#file.close();
    const { more } = this.#paths;
    if (this.#count === 1) await this.#disk.makeFolder(more);
    this.#file = await this.#disk.create(join(more, String(this.#count).padStart(DIGITS, '0')));
    this.#count += 1;
    this.#characters = 0;
  }
}
