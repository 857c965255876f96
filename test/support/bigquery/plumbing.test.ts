/**
 * What the emulator of BigQuery does as the service does, the fake must do too: the same cases, with the same
 * clients, against both.
 */
import { BigQuery } from '@google-cloud/bigquery';
import { adapt, managedwriter, protos } from '@google-cloud/bigquery-storage';
import { emulatorOptions, systemClock } from '@postlude/queue/foundations';
import { afterAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { type BigQueryEmulator, startBigQueryEmulator } from '../network/bigquery-emulator.ts';
import { FakeBigQuery } from './fake-bigquery.ts';
import { CALL, openStorage } from './fake-world.ts';

const PROJECT = 'acme';
const DATASET = 'ci';
const SCHEMA = {
  fields: [
    { name: 'id', type: 'STRING' },
    { name: 'ok', type: 'BOOLEAN' },
    { name: 'count', type: 'INTEGER' },
    { name: 'seconds', type: 'FLOAT' },
    { name: 'at', type: 'TIMESTAMP' },
    { name: 'run', type: 'RECORD', fields: [{ name: 'name', type: 'STRING' }] },
    // The emulator cannot query a repeated record within a record.
    {
      name: 'tags',
      type: 'RECORD',
      mode: 'REPEATED',
      fields: [
        { name: 'key', type: 'STRING' },
        { name: 'value', type: 'STRING' },
      ],
    },
  ],
};
const TABLE = { schema: SCHEMA, timePartitioning: { type: 'DAY', field: 'at' } };
const ROW = {
  id: 'a',
  ok: true,
  count: 7,
  seconds: 1.5,
  at: '2026-01-02T03:04:05.006000Z',
  run: { name: 'r' },
  tags: [{ key: 'k', value: 'v' }],
};

interface Target {
  readonly httpUrl: string;
  readonly grpcHost: string;
  readonly rows: (table: string) => Promise<readonly object[]>;
}

async function startFake(): Promise<Target> {
  const fake = await FakeBigQuery.start({ clock: systemClock });
  onTestFinished(() => fake.close());
  fake.addDataset(PROJECT, DATASET);
  const rows = async (table: string) => fake.rows({ project: PROJECT, dataset: DATASET, table });
  return { httpUrl: fake.httpUrl, grpcHost: fake.grpcHost, rows };
}

let emulator: Promise<BigQueryEmulator> | undefined;

/** One emulator serves all tests of this file, which have tables of their own. */
async function useEmulator(): Promise<Target> {
  emulator ??= startBigQueryEmulator(PROJECT, DATASET);
  const { httpUrl, grpcHost } = await emulator;
  const client = openTables(httpUrl);
  const rows = async (table: string) => {
    const [found] = await client.query(`SELECT * FROM ${DATASET}.${table} ORDER BY id`);
    return found.map((row: { readonly at: { readonly value: string } }) => {
      const at = new Date(row.at.value).toISOString().replace('Z', '000Z');
      return { ...row, at };
    });
  };
  return { httpUrl, grpcHost, rows };
}

function openTables(httpUrl: string): BigQuery {
  const authClient = { getRequestHeaders: async () => new Headers() } as never;
  return new BigQuery({ projectId: PROJECT, autoRetry: false, apiEndpoint: httpUrl, authClient });
}

function openStreams({ grpcHost }: Target) {
  const [hostname = '', port = ''] = grpcHost.split(':');
  const address = { hostname, port: Number(port) };
  const options = emulatorOptions('@google-cloud/bigquery-storage', address);
  const storage = openStorage(options);
  const writer = new managedwriter.WriterClient({ projectId: PROJECT, ...options });
  onTestFinished(() => writer.close());
  return { storage, writer };
}

let tables = 0;

async function world(start: () => Promise<Target>) {
  const target = await start();
  const name = `results_${++tables}`;
  const dataset = openTables(target.httpUrl).dataset(DATASET);
  await dataset.createTable(name, TABLE);
  const path = `projects/${PROJECT}/datasets/${DATASET}/tables/${name}`;
  const rows = () => target.rows(name);
  return { target, dataset, name, path, rows, table: dataset.table(name), ...openStreams(target) };
}

type World = Awaited<ReturnType<typeof world>>;

async function append({ writer, storage }: World, streamId: string, rows: readonly (typeof ROW)[]) {
  const view = protos.google.cloud.bigquery.storage.v1.WriteStreamView.FULL;
  const [{ tableSchema }] = await storage.getWriteStream({ name: streamId, view }, CALL);
  const descriptor = adapt.convertStorageSchemaToProto2Descriptor(tableSchema ?? {}, 'root');
  const connection = await writer.createStreamConnection({ streamId });
  const json = new managedwriter.JSONWriter({ connection, protoDescriptor: descriptor });
  const response = await json
    .appendRows(rows.map((row) => ({ ...row, at: new Date(row.at) })))
    .getResult();
  connection.close();
  return response;
}

async function createStream({ storage, path }: World, type: 'COMMITTED' | 'PENDING' | 'BUFFERED') {
  const request = { parent: path, writeStream: { type } };
  const [{ name }] = await storage.createWriteStream(request, CALL);
  return name ?? '';
}

function cases(start: () => Promise<Target>): void {
  test('a table is created, returned, extended and deleted', async () => {
    const { dataset, name, table } = await world(start);
    const [created] = await table.getMetadata();
    expect(created.timePartitioning).toMatchObject(TABLE.timePartitioning);
    expect(created.schema.fields).toMatchObject(SCHEMA.fields);
    const fields = [...SCHEMA.fields, { name: 'note', type: 'STRING' }];
    await table.setMetadata({ schema: { fields } });
    expect((await table.getMetadata())[0].schema.fields).toMatchObject(fields);
    await expect(dataset.createTable(name, TABLE)).rejects.toMatchObject({ code: 409 });
    await table.delete();
    await expect(table.getMetadata()).rejects.toMatchObject({ code: 404 });
  });

  test('rows are inserted', async () => {
    const { rows, table } = await world(start);
    await table.insert(
      [
        { insertId: '1', json: ROW },
        { insertId: '2', json: { ...ROW, id: 'b' } },
      ],
      {
        raw: true,
      },
    );
    expect(await rows()).toEqual([ROW, { ...ROW, id: 'b' }]);
  });

  test.each(['COMMITTED', '_default'] as const)(
    'rows appended to a stream that is %s are visible',
    async (type) => {
      const made = await world(start);
      const stream =
        type === '_default' ? `${made.path}/streams/_default` : await createStream(made, type);
      const response = await append(made, stream, [ROW, { ...ROW, id: 'b' }]);
      expect(response.error ?? undefined).toBeUndefined();
      expect(await made.rows()).toEqual([ROW, { ...ROW, id: 'b' }]);
    },
  );

  test('rows of a pending stream are visible once it is committed', async () => {
    const made = await world(start);
    const name = await createStream(made, 'PENDING');
    await append(made, name, [ROW]);
    expect(await made.rows()).toEqual([]);
    const [{ rowCount }] = await made.storage.finalizeWriteStream({ name }, CALL);
    expect(Number(rowCount)).toBe(1);
    const request = { parent: made.path, writeStreams: [name] };
    const [{ streamErrors }] = await made.storage.batchCommitWriteStreams(request, CALL);
    expect(streamErrors).toEqual([]);
    expect(await made.rows()).toEqual([ROW]);
  });

  test('rows of a buffered stream are visible once they are flushed', async () => {
    const made = await world(start);
    const writeStream = await createStream(made, 'BUFFERED');
    await append(made, writeStream, [ROW, { ...ROW, id: 'b' }]);
    expect(await made.rows()).toEqual([]);
    await made.storage.flushRows({ writeStream, offset: { value: 1 } }, CALL);
    expect(await made.rows()).toHaveLength(2);
  });

  test('a table that is missing has no streams', async () => {
    const made = await world(start);
    const path = `${made.path}_missing`;
    await expect(createStream({ ...made, path }, 'COMMITTED')).rejects.toThrow();
  });
}

describe('the fake', () => cases(startFake));
describe.runIf(inject('hasBigQueryEmulator'))('the emulator', () => {
  afterAll(async () => (await emulator)?.stop());
  cases(useEmulator);
});
