import { execFile } from 'node:child_process';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { runCommand } from './spawn.ts';

/**
 * Counts the signals that it gets until it is told to end, and exits with that count. Its pipe is open
 * before it says that it has begun: a signal would end the opening of one, not the reading.
 */
const COUNTS = `
  trap 'n=$((n+1))' INT TERM
  n=0
  exec 3<>end
  echo ready >began
  until read line <&3; do :; done
  exit $n`;

async function openWorld({ atTerminal }: { readonly atTerminal: boolean }) {
  const cwd = await mkdtemp(join(tmpdir(), 'postlude-spawn-'));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  await promisify(execFile)('mkfifo', [join(cwd, 'began'), join(cwd, 'end')]);
  const [stopping, forcing] = [new AbortController(), new AbortController()];
  const signals = { signal: stopping.signal, forced: forcing.signal };
  const run = (script: string) =>
    runCommand({
      command: ['sh', '-c', script],
      cwd,
      env: process.env,
      stdout: 'stderr',
      ...signals,
      atTerminal,
    });
  const began = () => readFile(join(cwd, 'began'), 'utf8');
  const end = async () => {
    const pipe = await open(join(cwd, 'end'), 'w');
    await pipe.write('now\n');
    await pipe.close();
  };
  return { began, end, run, stop: stopping, force: forcing };
}

test.each([
  ['SIGINT', false, 1],
  ['SIGTERM', false, 1],
  // The terminal itself has sent it to all processes there.
  ['SIGINT', true, 0],
  ['SIGTERM', true, 1],
])('passes %s on, at a terminal: %s, %i times', async (signal, atTerminal, times) => {
  const { began, end, run, stop } = await openWorld({ atTerminal });
  const ended = run(COUNTS);
  await began();
  stop.abort(signal);
  await end();
  expect(await ended).toEqual({ exitCode: times });
});

test('kills the command and what it has started on a second signal', async () => {
  const { began, force, run, stop } = await openWorld({ atTerminal: false });
  const deaf = `trap '' TERM; echo ready >began; while :; do read line <end; done`;
  const ended = run(`trap '' TERM; sh -c "${deaf}" & wait`);
  await began();
  stop.abort('SIGTERM');
  force.abort('SIGTERM');
  expect(await ended).toMatchObject({ killedBy: 'SIGKILL' });
});
