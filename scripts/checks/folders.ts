/** A folder must be small enough to take in at a glance, and named for what it holds. */
import { dirname } from 'node:path';
import { SOURCE_ROOTS } from './check.ts';

/** Tests are not counted, as each is beside its file. */
const MAX_FOLDER_FILES = 16;
const PATTERN_NAMES = /\/(utils?|helpers?|common|base|core|lib|misc)$/;

export function checkFolders(paths: readonly string[]): string[] {
  return [...countFiles(paths)].flatMap(([folder, count]) => [
    ...(count > MAX_FOLDER_FILES
      ? [`${folder}: ${count} files; group them (at most ${MAX_FOLDER_FILES})`]
      : []),
    ...(PATTERN_NAMES.test(folder) ? [`${folder}: name it for what it holds`] : []),
  ]);
}

/** Returns how many files each folder has, without tests. */
export function countFiles(paths: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const path of paths) {
    if (path.endsWith('.test.ts')) continue;
    counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  }
  return counts;
}

/** Returns what is wrong with the check itself. */
export function provePlantedFolders(): string[] {
  const root = SOURCE_ROOTS[0];
  const full = Array.from({ length: MAX_FOLDER_FILES }, (_, n) => `${root}/planted/file-${n}.ts`);
  return [
    ...(checkFolders([...full, `${root}/planted/one-more.ts`]).length === 1 ? [] : ['too full']),
    ...(checkFolders([`${root}/utils/file.ts`]).length === 1 ? [] : ['a bad name']),
    ...(checkFolders([...full, `${root}/planted/file.test.ts`]).length === 0 ? [] : ['a good one']),
  ].map((what) => `folders: the check is wrong about a planted folder: ${what}`);
}
