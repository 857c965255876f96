/**
 * Decides which symbolic links a search for reports follows. A pull request can put any link into a
 * workspace: one to `/` would have all of the machine searched, and one to a file would have it read, and
 * sent to the server if it is a report.
 */
import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, posix, relative, resolve, sep } from 'node:path';

const MAX_NAMED = 3;

/** The links of one pattern. Folders to which links lead out of its roots are remembered. */
export class ReportLinks {
  /** `undefined` if all links are followed. */
  readonly #roots: readonly string[] | undefined;
  readonly #left: string[] = [];

  private constructor(roots: readonly string[] | undefined) {
    this.#roots = roots;
  }

  /**
   * The roots are `cwd`, and `base`, in which the pattern begins. That may be a link, as `bazel-testlogs` is;
   * but if it leads to a folder that holds `cwd`, the pattern must name that folder itself.
   */
  static async of(cwd: string, base: string, followsAll = false): Promise<ReportLinks> {
    if (followsAll) return new ReportLinks(undefined);
    const [here, begin] = [await real(cwd), await real(base)];
    const isLinkUp = isWithin(cwd, base) && isWithin(begin, here);
    return new ReportLinks(isLinkUp ? [here] : [here, begin]);
  }

  /** False if `path` leads out of the roots. */
  async allows(path: string): Promise<boolean> {
    return this.areRootsOf(await real(path));
  }

  /** `place` has no links in it. */
  areRootsOf(place: string): boolean {
    return this.#roots?.some((root) => isWithin(root, place)) ?? true;
  }

  leaveOut(path: string): void {
    this.#left.push(path);
  }

  /** Says which links were left out; `undefined` if none were. */
  get left(): string | undefined {
    if (this.#left.length === 0) return undefined;
    const named = this.#left.slice(0, MAX_NAMED).join(', ');
    const more = this.#left.length > MAX_NAMED ? ` and ${this.#left.length - MAX_NAMED} more` : '';
    return `links out of the folder are not followed: ${named}${more} (see --follow-links)`;
  }
}

const MAGIC = /[*?[\]{}()!+@\\]/;

/** Returns the folder in which a search for the pattern begins. */
export function baseOf(cwd: string, pattern: string, isName: boolean): string {
  if (isName) return dirname(resolve(cwd, pattern));
  const parts = posix.normalize(pattern).split('/'); // as the search does
  const magic = parts.findIndex((part) => MAGIC.test(part));
  const fixed = parts.slice(0, magic === -1 ? -1 : magic).join('/');
  return resolve(cwd, pattern.startsWith('/') && fixed === '' ? '/' : fixed);
}

/**
 * How many folders above `cwd` a pattern begins. The search begins above all patterns, the negated ones
 * included, though a negated one that begins higher than the others leaves nothing out.
 */
export function levelsUp(cwd: string, pattern: string): number {
  const parts = relative(cwd, baseOf(cwd, pattern, false)).split(sep);
  return parts.filter((part) => part === '..').length;
}

/** Returns the path itself if it does not exist. */
async function real(path: string): Promise<string> {
  return await realpath(path).catch(() => resolve(path));
}

function isWithin(root: string, path: string): boolean {
  const inside = relative(root, path);
  return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}
