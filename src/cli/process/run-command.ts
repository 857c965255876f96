/** Runs the command line of this process. Everything that commands share is imported here, and only here. */
import { systemClock } from '@postlude/queue/foundations';
import { runCli } from '../program.ts';
import type { StandardStreams } from './standard-streams.ts';
import { listenForStops } from './stop-signals.ts';

export async function runCommand(
  args: readonly string[],
  { hasReader }: StandardStreams,
): Promise<number> {
  const end = (signal: NodeJS.Signals): void => void process.kill(process.pid, signal);
  return await runCli(args, {
    stdout: process.stdout,
    stderr: process.stderr,
    hasReader,
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    ...listenForStops(process, systemClock, end),
    exit: (code) => process.exit(code),
  });
}
