/**
 * `npm run bench -- NAME [--json] […]` runs bench/NAME.ts. The last line that a bench prints is one
 * JSON object, `{"bench": NAME, "ratios": {…}, "conditions": {…}, …}`; with --json nothing else goes
 * to stdout. PostgreSQL keeps what it acknowledges (fsync, synchronous_commit and full_page_writes are
 * on), unless --unsafe-fast is given; the conditions say so, as the server tells it.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [name, ...args] = process.argv.slice(2);
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'run.ts')
  .map((file) => file.replace(/\.ts$/, ''));

const file = join(import.meta.dirname, `${name}.ts`);
if (name === undefined || !existsSync(file)) {
  console.error(`usage: npm run bench -- NAME [--json]\nbenches: ${names.join(', ')}`);
  process.exit(2);
}
const child = spawn(process.execPath, ['--expose-gc', file, ...args], { stdio: 'inherit' });
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
