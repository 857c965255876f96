/** Compiles src/ into dist/, and copies the files that are not TypeScript beside the code that needs them. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
cpSync(join(root, 'src'), dist, {
  recursive: true,
  filter: (path) =>
    statSync(path).isDirectory() || path.endsWith('.sql') || path.includes(join('src', 'gen')),
});
const main = join(dist, 'cli', 'main.js');
if (existsSync(main)) chmodSync(main, 0o755);
