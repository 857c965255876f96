/**
 * Where emulators of cloud services lie on this machine: programs that `npm run emulators` gets and
 * builds, in a cache outside the checkout, under the versions that are pinned here.
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A program in Go, as its module has it but for `patches`. */
export interface GoEmulator {
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** Of the module's content, as in go.sum. */
  readonly sum: string;
  /** Each text stands once in its file. */
  readonly patches: readonly {
    readonly file: string;
    readonly text: string;
    readonly by: string;
  }[];
  /** Counts the sets of patches, so that a cache never holds those of another. */
  readonly patchSet: number;
}

export const CLOUD_TASKS_EMULATOR: GoEmulator = {
  name: 'cloud-tasks-emulator',
  module: 'github.com/aertje/cloud-tasks-emulator',
  version: 'v1.2.0',
  sum: 'h1:5f/242d3b8toxqv62Ll8N9VQf4azRteDD6+TAqY0Blk=',
  patches: [
    // No algorithm is called so, and verifiers refuse the key.
    { file: 'oidc.go', text: '"RSA256"', by: '"RS256"' },
    // The issuer is for this machine only.
    { file: 'oidc.go', text: 'listenAddr := "0.0.0.0"', by: 'listenAddr := hostParts[0]' },
  ],
  patchSet: 1,
};

/** `POSTLUDE_EMULATORS`, else in the user's cache folder. */
export function emulatorsFolder(): string {
  const { POSTLUDE_EMULATORS, XDG_CACHE_HOME } = process.env;
  if (POSTLUDE_EMULATORS) return POSTLUDE_EMULATORS;
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'postlude', 'emulators');
}

/** Where its program lies, or would. */
export function emulatorPath({ name, version, patchSet }: GoEmulator): string {
  const program = process.platform === 'win32' ? `${name}.exe` : name;
  return join(emulatorsFolder(), name, `${version}-${patchSet}`, program);
}

export function isThere(emulator: GoEmulator): boolean {
  return existsSync(emulatorPath(emulator));
}
