/**
 * Installs the queues that benches run beside postlude. They are a package of their own, with exact versions
 * and a lock file, so that `npm ci` of the project installs none of them.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const COMMAND = 'npm ci --prefix bench/peers';

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Returns the version of each peer, and installs them first if they are missing or have others. */
export function installPeers(): Readonly<Record<string, string>> {
  const wanted = readManifest('.')?.dependencies ?? {};
  if (isInstalled(wanted)) return wanted;
  console.error(`the peers are not installed; this runs \`${COMMAND}\` (--no-peers goes without)`);
  const { status } = spawnSync('npm', ['ci'], {
    cwd: import.meta.dirname,
    env: ownEnvironment(),
    stdio: ['ignore', 2, 2],
  });
  if (status === 0 && isInstalled(wanted)) return wanted;
  throw new Error(`the peers could not be installed: run \`${COMMAND}\`, or give --no-peers`);
}

function isInstalled(wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(
    ([name, version]) => readManifest(`node_modules/${name}`)?.version === version,
  );
}

function readManifest(folder: string): Manifest | undefined {
  try {
    const file = join(import.meta.dirname, folder, 'package.json');
    return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}

/** The environment without what `npm run` sets for the project itself, which would be its folder. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_')),
  );
}
