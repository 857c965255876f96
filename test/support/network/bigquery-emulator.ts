/**
 * The emulator of BigQuery as a process of one's own, on free ports of 127.0.0.1 and in memory. It understands
 * SQL, but ignores insertIds, offsets, ETags and quotas (see `../bigquery/fake-bigquery.ts`).
 */
import { type EmulatorProcess, startEmulator } from './emulator-process.ts';
import { BIGQUERY_EMULATOR } from './emulators.ts';
import { freePort } from './free-port.ts';

declare module 'vitest' {
  interface ProvidedContext {
    hasBigQueryEmulator: boolean;
  }
}

export interface BigQueryEmulator extends EmulatorProcess {
  /** `http://127.0.0.1:port`. */
  readonly httpUrl: string;
  /** `127.0.0.1:port`, of the Storage API. */
  readonly grpcHost: string;
}

export async function startBigQueryEmulator(
  project: string,
  dataset: string,
): Promise<BigQueryEmulator> {
  const [port, grpcPort] = [await freePort(), await freePort()];
  const { stop } = await startEmulator(BIGQUERY_EMULATOR, {
    args: [
      ...['--project', project, '--dataset', dataset, '--host', '127.0.0.1'],
      ...['--port', String(port), '--grpc-port', String(grpcPort)],
    ],
    ports: [port, grpcPort],
  });
  return { httpUrl: `http://127.0.0.1:${port}`, grpcHost: `127.0.0.1:${grpcPort}`, stop };
}
