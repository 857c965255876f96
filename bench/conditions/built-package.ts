/** The package as users run it: built, without the types and sources that Node.js would have to strip. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
/** The command `postlude` of the built package. */
export const BUILT_MAIN = join(ROOT, 'dist/cli/main.js');
/** Without the condition by which this repository finds the sources of its packages. */
export const BUILT_ENV = { ...process.env, NODE_OPTIONS: '' };

export function buildPackage(): void {
  console.error('building the package');
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.ts')], { stdio: ['ignore', 2, 2] });
}
