/** The inputs that are kept: examples to begin with, and finds, which stay as regressions. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface KeptInput {
  /** Relative to the folder of the fuzz tests. */
  readonly path: string;
  readonly bytes: Buffer;
}

const FOLDER = join(import.meta.dirname, '..');

export function readCorpus(target: string): KeptInput[] {
  return readFolder(join('corpus', target));
}

export function readFinds(target: string): KeptInput[] {
  return readFolder(join('finds', target));
}

/** Returns the path, relative to the folder of the fuzz tests. */
export function saveFind(target: string, name: string, bytes: Buffer): string {
  const path = join('finds', target, name);
  mkdirSync(join(FOLDER, 'finds', target), { recursive: true });
  writeFileSync(join(FOLDER, path), bytes);
  return path;
}

function readFolder(folder: string): KeptInput[] {
  const place = join(FOLDER, folder);
  if (!existsSync(place)) return [];
  return readdirSync(place)
    .sort()
    .map((name) => ({ path: join(folder, name), bytes: readFileSync(join(place, name)) }));
}
