// Runs a file of tests with Mocha's TAP reporter, to the screen and into the file it is given.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';

const [file, report] = process.argv.slice(2);
const root = join(import.meta.dirname, '..', '..', '..');
const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
const tests = join(import.meta.dirname, file);
// A job that is cancelled: Mocha ends by the signal, and what it has written goes into the file.
process.on('SIGTERM', () => undefined);
const child = spawn(process.execPath, [mocha, '--reporter', 'tap', tests], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
child.stdout.pipe(process.stdout);
child.stdout.pipe(createWriteStream(report)).on('finish', () => {
  process.exitCode = child.exitCode ?? 1;
});
