/**
 * The Cloud Tasks emulator as a process of one's own, on free ports of 127.0.0.1: for tests and
 * fault runs. It keeps everything in memory. Its pushes carry OIDC tokens of the issuer that it serves.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { systemClock } from '../../../src/clock.ts';
import { CLOUD_TASKS_EMULATOR, emulatorPath, isThere } from '../network/emulators.ts';
import { freePort } from '../network/free-port.ts';

export interface CloudTasksEmulator {
  /** `127.0.0.1:port`, of the gRPC service. */
  readonly host: string;
  /** URL of the issuer of tokens. */
  readonly issuer: string;
  stop(): Promise<void>;
}

/** `queues` are full names. Rejects where it cannot start, with its own words. */
export async function startCloudTasksEmulator(
  queues: readonly string[],
): Promise<CloudTasksEmulator> {
  if (!isThere(CLOUD_TASKS_EMULATOR)) {
    throw new Error('the Cloud Tasks emulator is missing: npm run emulators');
  }
  const [port, issuerPort] = [await freePort(), await freePort()];
  const issuer = `http://127.0.0.1:${issuerPort}`;
  const child = spawn(emulatorPath(CLOUD_TASKS_EMULATOR), [
    ...['-host', '127.0.0.1', '-port', String(port), '-openid-issuer', issuer],
    ...queues.flatMap((queue) => ['-queue', queue]),
  ]);
  const output = outputOf(child);
  const kill = (): void => void child.kill();
  process.once('exit', kill);
  await once(child, 'spawn');
  for (const needed of [port, issuerPort]) {
    while (!(await isListening(needed))) {
      if (hasEnded(child)) throw new Error(`the Cloud Tasks emulator ended: ${output.join('')}`);
      await systemClock.sleep(5);
    }
  }
  return {
    host: `127.0.0.1:${port}`,
    issuer,
    async stop() {
      process.off('exit', kill);
      if (hasEnded(child)) return;
      kill();
      await once(child, 'exit');
    },
  };
}

/** The last lines; they are read in any case, or the process would stand still once the pipe is full. */
function outputOf({ stdout, stderr }: ChildProcess): readonly string[] {
  const output: string[] = [];
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output.push(text);
      if (output.length > 100) output.shift();
    });
  }
  return output;
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
