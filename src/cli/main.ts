#!/usr/bin/env node
/** The `postlude` command: passes the process to runCli and exits with the code that it returns. */
import './process/small-heap.ts';
import { unsupportedNode } from './process/node-version.ts';

const unsupported = unsupportedNode(process.versions.node);
if (unsupported !== undefined) {
  process.stderr.write(`postlude: ${unsupported}\n`);
  process.exit(1);
}
// Imported after the check, as an old Node.js may not even be able to parse these modules.
const { systemClock } = await import('@postlude/queue/foundations');
const { runCli } = await import('./program.ts');
const { StandardStreams } = await import('./process/standard-streams.ts');
const { listenForStops } = await import('./process/stop-signals.ts');

const stops = listenForStops(process, systemClock, (signal) => process.kill(process.pid, signal));
const streams = new StandardStreams(process);

const exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  hasReader: streams.hasReader,
  env: process.env,
  cwd: process.cwd(),
  clock: systemClock,
  ...stops,
  exit: (code) => process.exit(code),
});
streams.end(exitCode);
