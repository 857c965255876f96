/** What is fuzzed: a program of untrusted bytes, and what it promises about them. */

export interface FuzzTarget {
  readonly name: string;
  /** What it reads, for `--list`. */
  readonly reads: string;
  /** Texts that its inputs are made of; mutations insert them. */
  readonly dictionary: readonly string[];
  /** Makes an input with the structure that the target expects; the same for the same seed. */
  readonly generate?: (seed: number) => string;
  /** Throws if a promise is broken. Errors that the program declares are part of its promises. */
  readonly check: (input: Buffer) => void | Promise<void>;
}

/** Thrown for a promise that is broken, other than by an error that escapes. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

/** Throws if the two differ. */
export function requireSame(found: string, wanted: string, what: string): void {
  if (found === wanted) return;
  let at = 0;
  while (found[at] === wanted[at]) at++;
  const near = (text: string): string => JSON.stringify(text.slice(Math.max(0, at - 60), at + 60));
  throw new BrokenPromise(`${what}: ${near(found)} in place of ${near(wanted)}`);
}

export function require(isKept: boolean, what: string): void {
  if (!isKept) throw new BrokenPromise(what);
}

/** Returns what `run` returns, or `undefined` if it throws an error that is declared. */
export function declared<T>(run: () => T, isDeclared: (error: unknown) => boolean): T | undefined {
  try {
    return run();
  } catch (error) {
    if (isDeclared(error)) return undefined;
    throw error;
  }
}
