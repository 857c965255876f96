/** A file for readers that take a path. Each process has its own, which goes with it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class ScratchFile {
  readonly #name: string;
  #path: string | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** Returns the path of a file with this content. */
  holding(content: Buffer): string {
    this.#path ??= this.#create();
    writeFileSync(this.#path, content);
    return this.#path;
  }

  #create(): string {
    const folder = mkdtempSync(join(tmpdir(), 'postlude-fuzz-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    return join(folder, this.#name);
  }
}
