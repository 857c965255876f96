import { protos } from '@google-cloud/bigquery-storage';
import { expect, test } from 'vitest';
import {
  Appends,
  DESCRIPTOR,
  encodeRow,
  FIELDS,
  NAME,
  PATH,
  startStorage,
  storageCodes,
} from './fake-world.ts';

const DEFAULT = `${PATH}/streams/_default`;

async function startAppends(limits = {}) {
  const world = await startStorage(limits);
  const stream = await world.createStream();
  return { ...world, stream, appends: new Appends(world.storage, stream) };
}

test('rows land at the offsets at which they are appended, in order', async () => {
  const { appends, bigQuery, stream } = await startAppends();
  for (const [offset, ids] of [
    [0, ['a', 'b']],
    [2, ['c']],
  ] as const) {
    expect(await appends.append(ids, offset)).toMatchObject({
      appendResult: { offset: { value: String(offset) } },
      writeStream: stream,
    });
  }
  expect(bigQuery.landed(NAME)).toEqual([
    { row: { id: 'a' }, stream: 'stream-1', offset: 0 },
    { row: { id: 'b' }, stream: 'stream-1', offset: 1 },
    { row: { id: 'c' }, stream: 'stream-1', offset: 2 },
  ]);
});

test('an append at another offset is refused, and the connection goes on', async () => {
  const { appends, bigQuery } = await startAppends();
  await appends.append(['a', 'b'], 0);
  const exists = await appends.append(['a', 'b'], 0);
  expect(exists?.error).toMatchObject({
    code: 6,
    message: expect.stringContaining('The offset is within stream, expected offset 2, received 0'),
  });
  expect(storageCodes(exists ?? {})).toEqual(['OFFSET_ALREADY_EXISTS']);
  const gap = await appends.append(['d'], 3);
  expect(gap?.error).toMatchObject({
    code: 11,
    message: expect.stringContaining('The offset is beyond stream, expected offset 2, received 3'),
  });
  expect(storageCodes(gap ?? {})).toEqual(['OFFSET_OUT_OF_RANGE']);
  await appends.append(['c'], 2);
  expect(bigQuery.rows(NAME).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
});

test('an append without an offset goes to the end', async () => {
  const { appends, bigQuery } = await startAppends();
  await appends.append(['a'], 0);
  expect(await appends.append(['b'])).toMatchObject({ appendResult: { offset: { value: '1' } } });
  expect(bigQuery.landed(NAME)?.[1]).toEqual({ row: { id: 'b' }, stream: 'stream-1', offset: 1 });
});

test('appends that are sent at once are answered in order', async () => {
  const { appends } = await startAppends();
  for (let offset = 0; offset < 50; offset++) appends.send([`row ${offset}`], offset);
  for (let offset = 0; offset < 50; offset++) {
    const response = await appends.responses.next();
    expect(response.appendResult?.offset?.value).toBe(String(offset));
  }
});

test('the default stream has no offsets, and any number of connections', async () => {
  const { bigQuery, storage } = await startStorage();
  const connections = [1, 2].map(() => new Appends(storage, DEFAULT));
  for (const connection of [...connections, ...connections]) {
    expect(await connection.append(['a'])).toMatchObject({ appendResult: { offset: null } });
  }
  expect(bigQuery.landed(NAME)).toHaveLength(4);
  expect(bigQuery.landed(NAME)?.[3]).toEqual({ row: { id: 'a' }, stream: '_default' });
  const refused = await connections[0]?.append(['a'], 4);
  expect(refused?.error).toMatchObject({ code: 3 });
});

test('of a request with a bad row nothing lands', async () => {
  const { appends, bigQuery } = await startAppends({ rowBytes: 100 });
  bigQuery.rejectRows(({ id }) => (id === 'bad' ? 'it is bad' : undefined));
  const response = await appends.append(['a', 'bad', 'b', 'x'.repeat(100)], 0);
  expect(response?.error).toMatchObject({ code: 3 });
  expect(response?.rowErrors).toMatchObject([
    { index: '1', code: 'FIELDS_ERROR', message: 'it is bad' },
    { index: '3', code: 'FIELDS_ERROR', message: 'Row is too large: 102 bytes, limit 100.' },
  ]);
  expect(bigQuery.rows(NAME)).toEqual([]);
  expect(await appends.append(['a', 'b'], 0)).toMatchObject({ appendResult: {} });
});

test('a row without a required field, or that cannot be parsed, is bad', async () => {
  const { appends, stream } = await startAppends();
  const rows = [new Uint8Array(), Uint8Array.of(0x0a, 5, 1), Uint8Array.of(0x0a, 1, 0xff)];
  appends.write({
    writeStream: stream,
    protoRows: { writerSchema: { protoDescriptor: DESCRIPTOR }, rows: { serializedRows: rows } },
  });
  const { rowErrors } = await appends.responses.next();
  expect(rowErrors?.map(({ message }) => message)).toEqual([
    'Field id is required but not set.',
    expect.stringMatching(/^Cannot parse the row/),
    'Invalid UTF-8 string.',
  ]);
});

const { Type, Label } = protos.google.protobuf.FieldDescriptorProto;
const [ID, COUNT] = DESCRIPTOR.field ?? [];

test.each([
  [
    'has a column that the table has not',
    [ID, { name: 'note', number: 3, type: Type.TYPE_STRING, label: Label.LABEL_OPTIONAL }],
    "Input schema has more fields than BigQuery schema, extra fields: 'note'",
    ['SCHEMA_MISMATCH_EXTRA_FIELDS'],
  ],
  [
    'has another type',
    [ID, { ...COUNT, type: Type.TYPE_STRING }],
    'the proto field is of type string, BigQuery field is INTEGER',
    [],
  ],
  [
    'repeats a single column',
    [ID, { ...COUNT, label: Label.LABEL_REPEATED }],
    'the proto field is repeated, BigQuery field is NULLABLE',
    [],
  ],
  ['lacks a required column', [COUNT], 'The required field Row.id is missing', []],
])('a writer schema is refused that %s', async (_, field, message, codes) => {
  const { appends } = await startAppends();
  appends.send(['a'], 0, { name: 'Row', field } as typeof DESCRIPTOR);
  const response = await appends.responses.next();
  expect(response.error).toMatchObject({ code: 3, message: expect.stringContaining(message) });
  expect(storageCodes(response)).toEqual(codes);
});

test('a writer schema that does not fit may also end the connection', async () => {
  const { appends } = await startAppends({ schemaMismatch: 'ends-connection' });
  appends.send(['a'], 0, { name: 'Row', field: [COUNT] } as typeof DESCRIPTOR);
  expect(await appends.end).toMatchObject({ code: 3 });
});

test('an append may have nearly ten megabytes', async () => {
  const { appends, bigQuery } = await startAppends();
  const id = 'x'.repeat(1_000_000);
  expect(await appends.append(Array(10).fill(id), 0)).toMatchObject({ appendResult: {} });
  expect(bigQuery.rows(NAME).map((row) => String(row.id).length)).toEqual(
    Array(10).fill(1_000_000),
  );
});

test('the first request has to say which stream, and in which schema', async () => {
  const { appends, storage, stream } = await startAppends();
  const rows = { serializedRows: [encodeRow('a')] };
  appends.write({ writeStream: stream, protoRows: { rows } });
  const response = await appends.responses.next();
  expect(response.error?.message).toContain('The writer schema has to be set');
  const nameless = new Appends(storage, stream);
  nameless.write({ protoRows: { rows } });
  expect(await nameless.end).toMatchObject({ code: 3 });
});

test('a connection that does not say where it is to be routed is refused', async () => {
  const { storage } = await startAppends();
  const call = storage.appendRows();
  const error = new Promise((resolve) => call.on('error', resolve));
  call.write({ writeStream: DEFAULT });
  expect(await error).toMatchObject({ code: 3 });
});

test('a request that is too large ends the connection', async () => {
  const { appends } = await startAppends({ appendBytes: 1_000 });
  expect(await appends.append(['x'.repeat(900)], 0)).toBeUndefined();
  expect(await appends.end).toMatchObject({
    code: 3,
    message: expect.stringContaining('AppendRows request too large'),
  });
});

test.each([
  ['unknown', 5, async () => `${PATH}/streams/none`],
  [
    'finalized',
    3,
    async ({ storage, stream }: Awaited<ReturnType<typeof startAppends>>) => {
      await storage.finalizeWriteStream({ name: stream });
      return stream;
    },
  ],
])('nothing is appended to a stream that is %s', async (_, code, streamOf) => {
  const world = await startAppends();
  const appends = new Appends(world.storage, await streamOf(world));
  expect(await appends.append(['a'])).toBeUndefined();
  expect(await appends.end).toMatchObject({ code });
});

test('the error that ends a connection carries a StorageError', async () => {
  const { storage } = await startStorage();
  const appends = new Appends(storage, `${PATH}/streams/none`);
  await appends.append(['a']);
  const { metadata } = (await appends.end) as unknown as {
    readonly metadata: { get(key: string): readonly Uint8Array[] };
  };
  const { StorageError } = protos.google.cloud.bigquery.storage.v1;
  const key = 'google.cloud.bigquery.storage.v1.storageerror-bin';
  const [error] = metadata.get(key).map((bytes) => StorageError.decode(bytes));
  expect(error).toMatchObject({ code: 3, entity: `${PATH}/streams/none` });
});

test('a deleted table takes its streams with it, also if it is created again', async () => {
  const { appends, bigQuery, create, storage, stream } = await startAppends();
  await appends.append(['a'], 0);
  bigQuery.deleteTable(NAME);
  await appends.append(['b'], 1);
  expect(await appends.end).toMatchObject({ code: 5 });
  await create();
  const again = new Appends(storage, stream);
  await again.append(['b'], 1);
  expect(await again.end).toMatchObject({ code: 5 });
  const fresh = new Appends(storage, DEFAULT);
  expect(await fresh.append(['c'])).toMatchObject({ appendResult: {} });
});

test('access can be denied while a connection is open', async () => {
  const { appends, bigQuery } = await startAppends();
  await appends.append(['a'], 0);
  bigQuery.forbid(NAME);
  await appends.append(['b'], 1);
  expect(await appends.end).toMatchObject({ code: 7 });
});

test('a second connection takes the stream from the first', async () => {
  const { appends, bigQuery, storage, stream } = await startAppends();
  await appends.append(['a'], 0);
  const second = new Appends(storage, stream);
  await second.append(['b'], 1);
  expect(await appends.end).toMatchObject({ code: 10 });
  await second.append(['c'], 2);
  expect(bigQuery.rows(NAME)).toHaveLength(3);
});

test('two connections may share a stream if the test wants that: offsets keep them apart', async () => {
  const { appends, storage, stream } = await startAppends({ secondConnection: 'both-append' });
  const second = new Appends(storage, stream);
  await appends.append(['a'], 0);
  await second.append(['b'], 1);
  expect(await appends.append(['x'], 1)).toMatchObject({ error: { code: 6 } });
  expect(await appends.append(['c'], 2)).toMatchObject({ appendResult: {} });
});

test('an idle connection is closed after ten minutes, and its stream goes on', async () => {
  const { appends, clock, storage, stream } = await startAppends();
  await appends.append(['a'], 0);
  clock.advance(599_999);
  await appends.append(['b'], 1);
  clock.advance(599_999);
  clock.advance(1);
  expect(await appends.end).toMatchObject({
    code: 10,
    message: expect.stringContaining('it has been inactive for 600 seconds'),
  });
  const again = new Appends(storage, stream);
  expect(await again.append(['c'], 2)).toMatchObject({ appendResult: {} });
});

test('an old connection is drained', async () => {
  const { appends, clock } = await startAppends({ connectionMs: 60_000 });
  await appends.append(['a'], 0);
  clock.advance(60_000);
  expect(await appends.end).toMatchObject({ code: 14 });
});

test('a connection that has too much in flight is refused', async () => {
  const { appends, bigQuery } = await startAppends({ inFlightBytes: 2_000 });
  bigQuery.faults.on('AppendRows', 1, { kind: 'slow', until: new Promise(() => undefined) });
  appends.send(['x'.repeat(900)], 0);
  appends.send(['x'.repeat(900)], 1);
  appends.send(['x'.repeat(900)], 2);
  expect(await appends.end).toMatchObject({ code: 8 });
  expect(bigQuery.peakInFlightBytes).toBeGreaterThan(2_000);
});

test('an append that has been answered is no longer in flight', async () => {
  const { appends } = await startAppends({ inFlightBytes: 2_000 });
  for (let offset = 0; offset < 5; offset++) {
    expect(await appends.append(['x'.repeat(900)], offset)).toMatchObject({ appendResult: {} });
  }
});

test('what was sent before the client sees that its connection has ended has no effect', async () => {
  const { appends, bigQuery, clock } = await startAppends({ connectionMs: 60_000 });
  const run = () => clock.advance(60_000);
  bigQuery.faults.on('AppendRows', 1, { kind: 'run', run });
  for (const offset of [0, 1, 2]) appends.send([`${offset}`], offset);
  expect(await appends.end).toMatchObject({ code: 14 });
  expect(bigQuery.rows(NAME)).toEqual([{ id: '0' }]);
});

test('too many connections are refused', async () => {
  const { appends, storage } = await startAppends({ connections: 1 });
  await appends.append(['a'], 0);
  const second = new Appends(storage, DEFAULT);
  await second.append(['b']);
  expect(await second.end).toMatchObject({ code: 8 });
});

test('a connection is told of new columns, and can then write them', async () => {
  const { appends, bigQuery, table } = await startAppends();
  await appends.append(['a'], 0);
  await table.setMetadata({ schema: { fields: [...FIELDS, { name: 'note', type: 'STRING' }] } });
  const told = await appends.append(['b'], 1);
  expect(told?.updatedSchema?.fields?.map(({ name }) => name)).toEqual(['id', 'count', 'note']);
  const note = { name: 'note', number: 1, type: Type.TYPE_STRING, label: Label.LABEL_OPTIONAL };
  const fields = [{ ...ID, number: 2 }, note];
  appends.send(['x'], 2, { name: 'Row', field: fields } as typeof DESCRIPTOR);
  const response = await appends.responses.next();
  expect(response.rowErrors).toMatchObject([{ message: 'Field id is required but not set.' }]);
  expect((await appends.append(['x'], 2))?.rowErrors).toHaveLength(1);
  expect(bigQuery.rows(NAME)).toHaveLength(2);
});
