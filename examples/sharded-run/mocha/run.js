// Runs the tests here with Mocha's TAP reporter, to the screen and into the file it is given.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..', '..');
const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
const tests = join(import.meta.dirname, 'delivery.test.js');
const child = spawn(process.execPath, [mocha, '--reporter', 'tap', tests], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
child.stdout.pipe(process.stdout);
child.stdout.pipe(createWriteStream(process.argv[2])).on('finish', () => {
  process.exitCode = child.exitCode ?? 1;
});
