/**
 * Compiles the sources of each package into its dist/, the queue first, as the other package is compiled
 * against what it publishes. Files that are not TypeScript are copied beside the code that needs them.
 * The command becomes a bundle.
 * With the folder of a package as its argument, it compiles that package alone.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bundleCli } from './bundle/bundle-cli.ts';

const root = join(import.meta.dirname, '..');
const [only] = process.argv.slice(2);
for (const folder of only === undefined ? ['packages/queue', '.'] : [only])
  await build(join(root, folder));

async function build(folder: string): Promise<void> {
  const [sources, dist] = [join(folder, 'src'), join(folder, 'dist')];
  rmSync(dist, { recursive: true, force: true });
  const config = join(folder, 'tsconfig.build.json');
  execFileSync('npx', ['tsc', '-p', config], { cwd: root, stdio: 'inherit' });
  cpSync(sources, dist, {
    recursive: true,
    filter: (path) =>
      statSync(path).isDirectory() || path.endsWith('.sql') || path.includes(join('src', 'gen')),
  });
  if (!existsSync(join(sources, 'cli'))) return;
  await bundleCli(join(dist, 'cli'));
  chmodSync(join(dist, 'cli', 'main.js'), 0o755);
}
