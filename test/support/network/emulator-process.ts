/** Runs an emulator as a process of one's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { systemClock } from '@postlude/queue/foundations';
import { emulatorPath, type GoEmulator, isThere } from './emulators.ts';

export interface EmulatorProcess {
  stop(): Promise<void>;
}

/** Returns once it listens on all these ports. Rejects with its own words if it cannot start. */
export async function startEmulator(
  emulator: GoEmulator,
  { args, ports }: { readonly args: readonly string[]; readonly ports: readonly number[] },
): Promise<EmulatorProcess> {
  if (!isThere(emulator)) throw new Error(`${emulator.name} is missing: npm run emulators`);
  const child = spawn(emulatorPath(emulator), args);
  const output = outputOf(child);
  const kill = (): void => void child.kill();
  process.once('exit', kill);
  await once(child, 'spawn');
  for (const port of ports) {
    while (!(await isListening(port))) {
      if (hasEnded(child)) throw new Error(`${emulator.name} ended: ${output.join('')}`);
      await systemClock.sleep(5);
    }
  }
  return {
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
