/** A fake BigQuery with a table, and the real clients that talk to it. */
import { BigQuery } from '@google-cloud/bigquery';
import { protos, v1 } from '@google-cloud/bigquery-storage';
import { FakeClock } from '@postlude/queue/testing';
import { onTestFinished } from 'vitest';
import { Signal } from '../signal.ts';
import { FakeBigQuery, type FakeBigQueryConfig } from './fake-bigquery.ts';
import type { Limits } from './limits.ts';

export const NAME = { project: 'acme', dataset: 'ci', table: 'results' };
export const PATH = 'projects/acme/datasets/ci/tables/results';
export const FIELDS = [
  { name: 'id', type: 'STRING', mode: 'REQUIRED' },
  { name: 'count', type: 'INTEGER', mode: 'NULLABLE' },
];

const { Type, Label } = protos.google.protobuf.FieldDescriptorProto;
export const DESCRIPTOR: protos.google.protobuf.IDescriptorProto = {
  name: 'Row',
  field: [
    { name: 'id', number: 1, type: Type.TYPE_STRING, label: Label.LABEL_OPTIONAL },
    { name: 'count', number: 2, type: Type.TYPE_INT64, label: Label.LABEL_OPTIONAL },
  ],
};

/** With a dataset, and no table. */
export async function startFake(
  limits: Partial<Limits> = {},
  options: Partial<FakeBigQueryConfig> = {},
) {
  const clock = new FakeClock();
  const bigQuery = await FakeBigQuery.start({ clock, limits, ...options });
  onTestFinished(() => bigQuery.close());
  bigQuery.addDataset(NAME.project, NAME.dataset);
  const tables = new BigQuery({ projectId: 'acme', autoRetry: false, ...bigQuery.httpOptions });
  const table = tables.dataset(NAME.dataset).table(NAME.table);
  const create = async (options: object = {}, id = NAME.table) => {
    const definition = { schema: { fields: FIELDS }, ...options };
    const [created] = await tables.dataset(NAME.dataset).createTable(id, definition);
    return created;
  };
  return { clock, bigQuery, table, create };
}

/** With the table. */
export async function startStorage(...config: Parameters<typeof startFake>) {
  const world = await startFake(...config);
  await world.create();
  const storage = openStorage(world.bigQuery.grpcOptions);
  const createStream = async (type: 'COMMITTED' | 'PENDING' | 'BUFFERED' = 'COMMITTED') => {
    const [stream] = await storage.createWriteStream({ parent: PATH, writeStream: { type } }, CALL);
    return stream.name ?? '';
  };
  return { ...world, storage, createStream };
}

/** The client repeats nothing by itself. */
export const CALL = { retry: null } as object;

export function openStorage(options: object): v1.BigQueryWriteClient {
  const storage = new v1.BigQueryWriteClient({ projectId: 'acme', ...options });
  onTestFinished(() => storage.close());
  return storage;
}

type Request = protos.google.cloud.bigquery.storage.v1.IAppendRowsRequest;
export type Response = protos.google.cloud.bigquery.storage.v1.IAppendRowsResponse;

/** A connection that appends to one stream. */
export class Appends {
  readonly responses = new Signal<Response>();
  /** Resolves to the error that ended the connection, or undefined. */
  readonly end: Promise<(Error & { readonly code?: number }) | undefined>;
  readonly #stream: string;
  readonly #call: ReturnType<v1.BigQueryWriteClient['appendRows']>;
  #isFirst = true;

  constructor(storage: v1.BigQueryWriteClient, stream: string) {
    this.#stream = stream;
    const headers = { 'x-goog-request-params': `write_stream=${stream}` };
    this.#call = storage.appendRows({ otherArgs: { headers } });
    this.#call.on('data', (response: Response) => this.responses.emit(response));
    this.end = new Promise((resolve) => {
      this.#call.on('error', resolve).on('end', () => resolve(undefined));
    });
    onTestFinished(() => this.#call.cancel());
  }

  /** Sends rows with these ids; the first request has the schema. */
  send(ids: readonly string[], offset?: number, descriptor = DESCRIPTOR): void {
    const schema = this.#isFirst || descriptor !== DESCRIPTOR;
    this.#isFirst = false;
    this.write({
      writeStream: this.#stream,
      ...(offset === undefined ? {} : { offset: { value: offset } }),
      protoRows: {
        ...(schema ? { writerSchema: { protoDescriptor: descriptor } } : {}),
        rows: { serializedRows: ids.map(encodeRow) },
      },
    });
  }

  write(request: Request): void {
    this.#call.write(request);
  }

  /** Sends rows, and returns the response; undefined if the connection ends without it. */
  append(ids: readonly string[], offset?: number): Promise<Response | undefined> {
    this.send(ids, offset);
    return Promise.race([this.responses.next(), this.end.then(() => undefined)]);
  }

  finish(): void {
    this.#call.end();
  }
}

/** A row of `DESCRIPTOR`, without a count. */
export function encodeRow(id: string): Uint8Array {
  const text = Buffer.from(id);
  return Buffer.concat([Buffer.from([0x0a]), varint(text.length), text]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

/** The codes of the `StorageError`s in a response. */
export function storageCodes({ error }: Response): readonly string[] {
  const { StorageError } = protos.google.cloud.bigquery.storage.v1;
  return (error?.details ?? []).map(({ value }) => {
    const { code } = StorageError.decode(value as Uint8Array);
    return String(StorageError.StorageErrorCode[code as number]);
  });
}
