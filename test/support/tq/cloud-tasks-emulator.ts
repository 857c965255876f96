/**
 * Starts the Cloud Tasks emulator as a separate process on free ports of 127.0.0.1, for tests and fault runs.
 * It keeps everything in memory. Its pushes carry OIDC tokens of the issuer that it serves.
 */
import { type EmulatorProcess, startEmulator } from '../network/emulator-process.ts';
import { CLOUD_TASKS_EMULATOR } from '../network/emulators.ts';
import { freePort } from '../network/free-port.ts';

export interface CloudTasksEmulator extends EmulatorProcess {
  /** The address of the gRPC service: `127.0.0.1:port`. */
  readonly host: string;
  /** The URL of the issuer of tokens. */
  readonly issuer: string;
}

/** Starts it with these queues, by full names. Rejects with its output if it cannot start. */
export async function startCloudTasksEmulator(
  queues: readonly string[],
): Promise<CloudTasksEmulator> {
  const [port, issuerPort] = [await freePort(), await freePort()];
  const issuer = `http://127.0.0.1:${issuerPort}`;
  const { stop } = await startEmulator(CLOUD_TASKS_EMULATOR, {
    args: [
      ...['-host', '127.0.0.1', '-port', String(port), '-openid-issuer', issuer],
      ...queues.flatMap((queue) => ['-queue', queue]),
    ],
    ports: [port, issuerPort],
  });
  return { host: `127.0.0.1:${port}`, issuer, stop };
}
