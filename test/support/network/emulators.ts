/**
 * The places of cloud emulators on this machine. `npm run emulators` downloads and builds these programs, in
 * the versions pinned here, into a cache outside the checkout.
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A program in Go, built from its module with `patches` applied. */
export interface GoEmulator {
  readonly name: string;
  readonly module: string;
  /** The folder of the program in the module; the top one unless given. */
  readonly folder?: string;
  readonly version: string;
  /** The checksum of the module's content, as in go.sum. */
  readonly sum: string;
  /** Each text to replace occurs once in its file, which is in the top folder. */
  readonly patches: readonly {
    readonly file: string;
    readonly text: string;
    readonly by: string;
  }[];
  /** The number of the set of patches, so that a cached program never has those of another set. */
  readonly patchSet: number;
}

export const CLOUD_TASKS_EMULATOR: GoEmulator = {
  name: 'cloud-tasks-emulator',
  module: 'github.com/aertje/cloud-tasks-emulator',
  version: 'v1.2.0',
  sum: 'h1:5f/242d3b8toxqv62Ll8N9VQf4azRteDD6+TAqY0Blk=',
  patches: [
    // No algorithm has that name, so verifiers would refuse the key.
    { file: 'oidc.go', text: '"RSA256"', by: '"RS256"' },
    // The issuer must be reachable from this machine only.
    { file: 'oidc.go', text: 'listenAddr := "0.0.0.0"', by: 'listenAddr := hostParts[0]' },
  ],
  patchSet: 1,
};

export const BIGQUERY_EMULATOR: GoEmulator = {
  name: 'bigquery-emulator',
  module: 'github.com/goccy/bigquery-emulator',
  folder: 'cmd/bigquery-emulator',
  version: 'v0.8.1',
  sum: 'h1:q3oRL2ylqGY3UYbccAztEUycj+TU5SVBxsElFsvJP9E=',
  patches: [],
  patchSet: 0,
};

/** Speaks the protocol of S3, checks signatures, and keeps objects as files. */
export const S3_SERVER: GoEmulator = {
  name: 'versitygw',
  module: 'github.com/versity/versitygw',
  folder: 'cmd/versitygw',
  version: 'v1.8.0',
  sum: 'h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=',
  patches: [],
  patchSet: 0,
};

export const GCS_EMULATOR: GoEmulator = {
  name: 'fake-gcs-server',
  module: 'github.com/fsouza/fake-gcs-server',
  version: 'v1.56.1',
  sum: 'h1:K03sAvbLvDz4hAynpCCUqnNRp+ik9JFSvHbkD/wTPOU=',
  patches: [],
  patchSet: 0,
};

/** Returns `POSTLUDE_EMULATORS`, or a folder in the user's cache. */
export function emulatorsFolder(): string {
  const { POSTLUDE_EMULATORS, XDG_CACHE_HOME } = process.env;
  if (POSTLUDE_EMULATORS) return POSTLUDE_EMULATORS;
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'postlude', 'emulators');
}

/** Returns the path of its program, which need not exist. */
export function emulatorPath({ name, version, patchSet }: GoEmulator): string {
  const program = process.platform === 'win32' ? `${name}.exe` : name;
  return join(emulatorsFolder(), name, `${version}-${patchSet}`, program);
}

export function isThere(emulator: GoEmulator): boolean {
  return existsSync(emulatorPath(emulator));
}
