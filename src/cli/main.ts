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
const { StandardStreams } = await import('./process/standard-streams.ts');
const streams = new StandardStreams(process);
const args = process.argv.slice(2);
// Scripts ask for the version often, so it is told before the modules of all commands are loaded.
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  const { packageVersion } = await import('./process/version.ts');
  process.stdout.write(`${packageVersion()}\n`);
} else {
  streams.end(await runCommand());
}

async function runCommand(): Promise<number> {
  const { systemClock } = await import('@postlude/queue/foundations');
  const { runCli } = await import('./program.ts');
  const { listenForStops } = await import('./process/stop-signals.ts');
  const end = (signal: NodeJS.Signals): void => void process.kill(process.pid, signal);
  return await runCli(args, {
    stdout: process.stdout,
    stderr: process.stderr,
    hasReader: streams.hasReader,
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    ...listenForStops(process, systemClock, end),
    exit: (code) => process.exit(code),
  });
}
