/**
 * `npm run bench -- NAME [--json] […]` runs the bench NAME. The last line that a bench prints is one
 * JSON object, `{"bench": NAME, "ratios": {…}, "conditions": {…}, …}`; with --json nothing else goes
 * to stdout. PostgreSQL keeps what it acknowledges (fsync, synchronous_commit and full_page_writes are
 * on), unless --unsafe-fast is given; the conditions say so, as the server tells it.
 */
import { spawn } from 'node:child_process';
import { benchFiles } from './conditions/bench-files.ts';

const [name = '', ...args] = process.argv.slice(2);
const benches = benchFiles();
const file = benches.get(name);
if (file === undefined) {
  const names = [...benches.keys()].join(', ');
  const usage = `usage: npm run bench -- NAME [--json], or NAME --help\nbenches: ${names}`;
  if (name === '--help') console.log(usage);
  else console.error(usage);
  process.exit(name === '--help' ? 0 : 2);
}
const child = spawn(process.execPath, ['--expose-gc', file, ...args], { stdio: 'inherit' });
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
