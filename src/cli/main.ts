#!/usr/bin/env node
/** The `postlude` command: passes the process to runCli and exits with the code that it returns. */
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
  await import('./process/small-heap.ts');
  const { runCommand } = await import('./process/run-command.ts');
  streams.end(await runCommand(args, streams));
}
