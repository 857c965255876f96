/**
 * A file system for globs in which a link to a regular file is a file, and a link to a folder out of the
 * roots is broken.
 */
import fs, { type Dirent, readdir as readdirOf, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportLinks } from './report-links.ts';

type Listed = (error: NodeJS.ErrnoException | null, entries: Dirent[]) => void;

type Resolved = (error: Error | null, place: string) => void;

/** Returns a file system in the form of Node.js’s `fs`. */
export function linkedFiles(links: ReportLinks): object {
  return {
    ...fs,
    readdir(path: string, options: { readonly withFileTypes: true }, listed: Listed): void {
      readdirOf(path, options, (error, entries = []) =>
        listed(
          error,
          entries.map((entry) => (isLinkToFile(path, entry) ? asFile(entry) : entry)),
        ),
      );
    },
    realpath(path: string, resolved: Resolved): void {
      fs.realpath(path, (error, place) => {
        const isOut = error === null && !links.areRootsOf(place);
        if (isOut) links.leaveOut(path);
        resolved(isOut ? new Error(`${path} leads out of the folder`) : error, place);
      });
    },
  };
}

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
