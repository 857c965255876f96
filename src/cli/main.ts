#!/usr/bin/env node
/** The `postlude` command: hands the process to runCli and answers with its exit code. */
import './small-heap.ts';
import { systemClock } from '../clock.ts';
import { runCli } from './program.ts';

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stopping.abort(signal));
}
// A reader that has seen enough (`| head`) is no error; a full disk is one of its own words.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`postlude: cannot write to standard output: ${error.message}\n`);
  process.exit(1);
});

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  clock: systemClock,
  signal: stopping.signal,
  exit: (code) => process.exit(code),
});
