/**
 * A file system for globs in which a link to a regular file is a file, and a link to anything else stays a
 * link, which is not followed. So a walk neither leaves its tree nor goes in circles.
 */
import { type Dirent, readdir as readdirOf, statSync } from 'node:fs';
import { join } from 'node:path';

type Listed = (error: NodeJS.ErrnoException | null, entries: Dirent[]) => void;

export const linkedFiles = {
  readdir(path: string, options: { readonly withFileTypes: true }, listed: Listed): void {
    readdirOf(path, options, (error, entries = []) =>
      listed(
        error,
        entries.map((entry) => (isLinkToFile(path, entry) ? asFile(entry) : entry)),
      ),
    );
  },
};

function isLinkToFile(folder: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return false;
  try {
    return statSync(join(folder, entry.name)).isFile();
  } catch {
    return false; // it leads nowhere, or to itself
  }
}

function asFile(entry: Dirent): Dirent {
  return Object.assign(Object.create(entry) as Dirent, {
    isFile: () => true,
    isSymbolicLink: () => false,
  });
}
