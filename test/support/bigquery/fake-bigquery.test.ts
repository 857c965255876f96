import { BigQuery } from '@google-cloud/bigquery';
import { adapt, managedwriter, type protos } from '@google-cloud/bigquery-storage';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
import { FakeBigQuery } from './fake-bigquery.ts';
import type { Limits } from './limits.ts';

const NAME = { project: 'acme', dataset: 'ci', table: 'results' };
const FIELDS = [
  { name: 'id', type: 'STRING', mode: 'REQUIRED' },
  { name: 'count', type: 'INT64' },
  { name: 'at', type: 'TIMESTAMP' },
  {
    name: 'tags',
    type: 'RECORD',
    mode: 'REPEATED',
    fields: [
      { name: 'key', type: 'STRING' },
      { name: 'value', type: 'STRING' },
    ],
  },
];

async function world(limits: Partial<Limits> = {}) {
  const clock = new FakeClock();
  const bigQuery = await FakeBigQuery.start({ clock, limits });
  onTestFinished(() => bigQuery.close());
  bigQuery.addDataset('acme', 'ci');
  const client = new BigQuery({ projectId: 'acme', autoRetry: false, ...bigQuery.httpOptions });
  const table = client.dataset('ci').table('results');
  return { clock, bigQuery, client, table };
}

async function worldWithTable(limits: Partial<Limits> = {}) {
  const made = await world(limits);
  await made.client.dataset('ci').createTable('results', { schema: { fields: FIELDS } });
  const writer = new managedwriter.WriterClient({
    projectId: 'acme',
    ...made.bigQuery.grpcOptions,
  });
  onTestFinished(() => writer.close());
  return { ...made, writer };
}

test('creates a table, returns it, and extends it under its ETag', async () => {
  const { table } = await worldWithTable();
  const [before] = await table.getMetadata();
  const added = { name: 'note', type: 'STRING' };
  const fields = [...before.schema.fields, added];
  const [after] = await table.setMetadata({ etag: before.etag, schema: { fields } });
  expect(after.schema.fields).toHaveLength(5);
  await expect(table.setMetadata({ etag: before.etag, description: 'x' })).rejects.toMatchObject({
    code: 412,
  });
});

test('lands a repeated insertId once within the window, and again after it', async () => {
  const { bigQuery, clock, table } = await worldWithTable();
  const rows = [{ insertId: 'a', json: { id: 'one', at: '2026-01-02T03:04:05.5Z' } }];
  await table.insert(rows, { raw: true });
  await table.insert(rows, { raw: true });
  expect(bigQuery.rows(NAME)).toEqual([{ id: 'one', at: '2026-01-02T03:04:05.500000Z' }]);
  clock.advance(60_000);
  await table.insert(rows, { raw: true });
  expect(bigQuery.rows(NAME)).toHaveLength(2);
});

test('appends at offsets, and refuses others', async () => {
  const { bigQuery, writer } = await worldWithTable();
  const destinationTable = 'projects/acme/datasets/ci/tables/results';
  const streamId = await writer.createWriteStream({ streamType: 'COMMITTED', destinationTable });
  const stream = await writer.getWriteStream({ streamId, view: 2 });
  const protoDescriptor = adapt.convertStorageSchemaToProto2Descriptor(
    stream.tableSchema as protos.google.cloud.bigquery.storage.v1.ITableSchema,
    'root',
  );
  const connection = await writer.createStreamConnection({ streamId });
  const rows = new managedwriter.JSONWriter({ connection, protoDescriptor });
  const first = await rows
    .appendRows([{ id: 'a', count: 1, tags: [{ key: 'k', value: 'v' }] }, { id: 'b' }], 0)
    .getResult();
  expect(first.appendResult?.offset?.value).toEqual('0');
  const again = await rows.appendRows([{ id: 'a' }], 0).getResult();
  expect(again.error?.code).toBe(6);
  expect(again.error?.details).toHaveLength(1);
  const beyond = await rows.appendRows([{ id: 'a' }], 3).getResult();
  expect(beyond.error?.code).toBe(11);
  expect(bigQuery.landed(NAME)).toEqual([
    { row: { id: 'a', count: 1, tags: [{ key: 'k', value: 'v' }] }, stream: 'stream-1', offset: 0 },
    { row: { id: 'b' }, stream: 'stream-1', offset: 1 },
  ]);
});

test('appends to the default stream', async () => {
  const { bigQuery, writer } = await worldWithTable();
  const destinationTable = 'projects/acme/datasets/ci/tables/results';
  const stream = await writer.getWriteStream({
    streamId: `${destinationTable}/_default`,
    view: 2,
  });
  const protoDescriptor = adapt.convertStorageSchemaToProto2Descriptor(
    stream.tableSchema as protos.google.cloud.bigquery.storage.v1.ITableSchema,
    'root',
  );
  const connection = await writer.createStreamConnection({
    streamId: managedwriter.DefaultStream,
    destinationTable,
  });
  const rows = new managedwriter.JSONWriter({ connection, protoDescriptor });
  await rows.appendRows([{ id: 'a' }]).getResult();
  expect(bigQuery.landed(NAME)).toEqual([{ row: { id: 'a' }, stream: '_default' }]);
});
