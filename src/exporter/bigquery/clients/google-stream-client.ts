/**
 * The Storage Write API through the generated client of @google-cloud/bigquery-storage. Its `managedwriter`
 * is not used: it has no flow control, and it does not say which requests a lost connection has left open.
 */
import type { v1 } from '@google-cloud/bigquery-storage';
import {
  emulatorOptions,
  loadOptional,
  type OptionalPackage,
  toError,
} from '@postlude/queue/foundations';
import type { Column } from '../../rows/schema.ts';
import type { ExportTable } from '../../sink.ts';
import { toMessageDescriptor } from '../rows/proto-schema.ts';
import { tableName } from '../tables/table-name.ts';
import {
  type AppendStatus,
  fromAppendError,
  type StorageProtos,
  toAppendResponse,
} from './append-response.ts';
import { fromGrpcError } from './client-errors.ts';
import type { AppendConnection, AppendRequest, ConnectionEvents, StreamClient } from './ports.ts';

export const BIGQUERY_STORAGE: OptionalPackage = {
  name: '@google-cloud/bigquery-storage',
  for: 'the export to BigQuery',
};

/** The generated client's own retries would repeat calls for minutes. */
const CALL = { timeout: 60_000, retry: { retryCodes: [] } };

export interface StreamClientOptions {
  /** Host and port of an emulator, without TLS; Google's API unless given. */
  readonly endpoint?: string | undefined;
}

export async function openStreamClient({ endpoint }: StreamClientOptions): Promise<StreamClient> {
  const { v1, protos } = await loadOptional(
    BIGQUERY_STORAGE,
    () => import('@google-cloud/bigquery-storage'),
  );
  const client = new v1.BigQueryWriteClient(endpoint === undefined ? {} : emulatorAt(endpoint));
  await client.initialize();
  return new GoogleStreamClient(client, protos.google as unknown as StorageProtos);
}

function emulatorAt(endpoint: string): Readonly<Record<string, string | number | object>> {
  const { hostname, port } = new URL(`http://${endpoint}`);
  const options = emulatorOptions(BIGQUERY_STORAGE.name, { hostname, port: Number(port) });
  return { ...options, projectId: 'emulator' };
}

class GoogleStreamClient implements StreamClient {
  readonly #client: v1.BigQueryWriteClient;
  readonly #protos: StorageProtos;

  constructor(client: v1.BigQueryWriteClient, protos: StorageProtos) {
    this.#client = client;
    this.#protos = protos;
  }

  async create(table: ExportTable): Promise<string> {
    const { project, dataset, table: id } = table;
    const parent = `projects/${project}/datasets/${dataset}/tables/${id}`;
    const request = { parent, writeStream: { type: 'COMMITTED' as const } };
    try {
      const [stream] = await this.#client.createWriteStream(request, CALL);
      return stream.name ?? '';
    } catch (thrown) {
      throw fromGrpcError(thrown, `create a stream for ${tableName(table)}`);
    }
  }

  async finalize(name: string): Promise<number> {
    try {
      const [{ rowCount }] = await this.#client.finalizeWriteStream({ name }, CALL);
      return Number(rowCount ?? 0);
    } catch (thrown) {
      throw fromGrpcError(thrown, `finalize the stream ${name}`);
    }
  }

  connect(stream: string, columns: readonly Column[], events: ConnectionEvents): AppendConnection {
    const headers = { 'x-goog-request-params': `write_stream=${stream}` };
    const call = this.#client.appendRows({ otherArgs: { headers } }) as unknown as AppendCall;
    return new GoogleConnection({ stream, columns, call, events, protos: this.#protos });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

/** The part of gRPC's duplex stream that is used. */
interface AppendCall {
  on(event: 'data', fn: (response: AppendStatus) => void): void;
  on(event: 'error', fn: (error: unknown) => void): void;
  on(event: 'end', fn: () => void): void;
  write(request: object): void;
  end(): void;
  cancel(): void;
}

interface ConnectionParts {
  readonly stream: string;
  readonly columns: readonly Column[];
  readonly call: AppendCall;
  readonly events: ConnectionEvents;
  readonly protos: StorageProtos;
}

class GoogleConnection implements AppendConnection {
  readonly #parts: ConnectionParts;
  #isFirst = true;
  #hasEnded = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    const { stream, call, events, protos } = parts;
    call.on('data', (response) => {
      if (!this.#hasEnded) events.onResponse(toAppendResponse(response, stream, protos));
    });
    call.on('error', (thrown) => this.#end(thrown));
    call.on('end', () => this.#end(new Error('the service has closed the connection')));
  }

  send({ offset, rows }: AppendRequest): void {
    const { call, columns, stream } = this.#parts;
    const first = this.#isFirst && {
      writerSchema: { protoDescriptor: toMessageDescriptor(columns) },
    };
    this.#isFirst = false;
    call.write({
      writeStream: stream,
      offset: { value: offset },
      protoRows: { ...first, rows: { serializedRows: rows } },
    });
  }

  close(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#parts.call.cancel();
  }

  #end(thrown: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { stream, events, protos } = this.#parts;
    events.onEnd(fromAppendError(toError(thrown), stream, protos));
  }
}
