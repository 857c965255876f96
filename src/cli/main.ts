#!/usr/bin/env node
/** The `postlude` command: hands the process to runCli and answers with its exit code. */
import './small-heap.ts';
import { systemClock } from '../clock.ts';
import { runCli } from './program.ts';
import { StandardStreams } from './standard-streams.ts';

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stopping.abort(signal));
}
const streams = new StandardStreams(process);

const exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  hasReader: streams.hasReader,
  env: process.env,
  cwd: process.cwd(),
  clock: systemClock,
  signal: stopping.signal,
  exit: (code) => process.exit(code),
});
streams.end(exitCode);
