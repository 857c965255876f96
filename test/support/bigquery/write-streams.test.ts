import { protos } from '@google-cloud/bigquery-storage';
import { expect, test } from 'vitest';
import { Appends, CALL, NAME, PATH, startStorage } from './fake-world.ts';

test('a pending stream is visible once it is finalized and committed', async () => {
  const { bigQuery, clock, createStream, storage } = await startStorage();
  const names = [await createStream('PENDING'), await createStream('PENDING')];
  for (const name of names) await new Appends(storage, name).append(['a', 'b'], 0);
  const request = { parent: PATH, writeStreams: names };
  const [early] = await storage.batchCommitWriteStreams(request);
  expect(early.streamErrors).toMatchObject(
    names.map((entity) => ({ code: 'INVALID_STREAM_STATE', entity })),
  );
  for (const name of names) {
    expect((await storage.finalizeWriteStream({ name }))[0].rowCount).toBe('2');
  }
  expect(bigQuery.rows(NAME)).toEqual([]);
  const [committed] = await storage.batchCommitWriteStreams(request);
  expect(committed).toMatchObject({
    streamErrors: [],
    commitTime: { seconds: String(Math.floor(clock.now() / 1000)) },
  });
  expect(bigQuery.landed(NAME)?.map(({ stream, offset }) => [stream, offset])).toEqual([
    ['stream-1', 0],
    ['stream-1', 1],
    ['stream-2', 0],
    ['stream-2', 1],
  ]);
  const [again] = await storage.batchCommitWriteStreams(request);
  expect(again.streamErrors?.map(({ code }) => code)).toEqual([
    'STREAM_ALREADY_COMMITTED',
    'STREAM_ALREADY_COMMITTED',
  ]);
});

test('no stream is committed if one of them cannot be', async () => {
  const { bigQuery, createStream, storage } = await startStorage();
  const good = await createStream('PENDING');
  await new Appends(storage, good).append(['a'], 0);
  await storage.finalizeWriteStream({ name: good });
  const committed = await createStream('COMMITTED');
  const writeStreams = [good, committed, `${PATH}/streams/none`];
  const [{ commitTime, streamErrors }] = await storage.batchCommitWriteStreams({
    parent: PATH,
    writeStreams,
  });
  expect(commitTime).toBeNull();
  expect(streamErrors).toMatchObject([
    {
      code: 'INVALID_STREAM_TYPE',
      entity: committed,
      errorMessage: expect.stringContaining('actual: WRITE_OPTIMIZED'),
    },
    { code: 'STREAM_NOT_FOUND' },
  ]);
  expect(bigQuery.rows(NAME)).toEqual([]);
});

test('rows of a buffered stream are visible up to the offset that is flushed', async () => {
  const { bigQuery, createStream, storage } = await startStorage();
  const writeStream = await createStream('BUFFERED');
  await new Appends(storage, writeStream).append(['a', 'b', 'c'], 0);
  expect(bigQuery.rows(NAME)).toEqual([]);
  const flush = (value: number) => storage.flushRows({ writeStream, offset: { value } }, CALL);
  expect((await flush(1))[0].offset).toBe('1');
  await flush(0);
  await flush(1);
  expect(bigQuery.rows(NAME).map(({ id }) => id)).toEqual(['a', 'b']);
  await expect(flush(3)).rejects.toMatchObject({ code: 11 });
  await storage.finalizeWriteStream({ name: writeStream });
  await expect(flush(2)).rejects.toMatchObject({
    code: 3,
    message: expect.stringContaining('Stream has been finalized'),
  });
});

test('only a buffered stream can be flushed, and the default stream not be finalized', async () => {
  const { createStream, storage } = await startStorage();
  const writeStream = await createStream();
  const flush = storage.flushRows({ writeStream, offset: { value: 0 } }, CALL);
  await expect(flush).rejects.toMatchObject({ code: 3 });
  const finalize = storage.finalizeWriteStream({ name: `${PATH}/streams/_default` }, CALL);
  await expect(finalize).rejects.toMatchObject({ code: 3 });
});

test('finalizing tells how many rows there are, however often', async () => {
  const { createStream, storage } = await startStorage();
  const name = await createStream();
  await new Appends(storage, name).append(['a', 'b'], 0);
  for (let time = 0; time < 2; time++) {
    expect((await storage.finalizeWriteStream({ name }))[0].rowCount).toBe('2');
  }
  await expect(
    storage.finalizeWriteStream({ name: `${PATH}/streams/none` }, CALL),
  ).rejects.toMatchObject({ code: 5 });
});

test('a stream is returned with the columns of its table', async () => {
  const { clock, createStream, storage } = await startStorage();
  const name = await createStream('PENDING');
  const [basic] = await storage.getWriteStream({ name });
  expect(basic).toMatchObject({ name, type: 'PENDING', writeMode: 'INSERT', tableSchema: null });
  expect(Number(basic.createTime?.seconds)).toBe(Math.floor(clock.now() / 1000));
  const view = protos.google.cloud.bigquery.storage.v1.WriteStreamView.FULL;
  const [full] = await storage.getWriteStream({ name: `${PATH}/_default`, view });
  expect(full).toMatchObject({
    name: `${PATH}/streams/_default`,
    type: 'COMMITTED',
    tableSchema: {
      fields: [
        { name: 'id', type: 'STRING', mode: 'REQUIRED' },
        { name: 'count', type: 'INT64', mode: 'NULLABLE' },
      ],
    },
  });
});

test('rows can be counted without being kept', async () => {
  const { bigQuery, createStream, storage, table } = await startStorage({}, { keepsRows: false });
  await new Appends(storage, await createStream()).append(['a', 'b'], 0);
  await table.insert([{ id: 'c' }]);
  expect(bigQuery.rowCount(NAME)).toBe(3);
  expect(bigQuery.rows(NAME)).toEqual([]);
});

test('a stream needs a table and a type', async () => {
  const { storage } = await startStorage();
  const create = (parent: string, type?: 'COMMITTED') =>
    storage.createWriteStream({ parent, writeStream: type ? { type } : {} }, CALL);
  await expect(create(`${PATH}2`, 'COMMITTED')).rejects.toMatchObject({ code: 5 });
  await expect(create('a/b: 100% ü', 'COMMITTED')).rejects.toMatchObject({
    code: 3,
    details: "Malformed table name 'a/b: 100% ü'. Entity: a/b: 100% ü",
  });
  await expect(create(PATH)).rejects.toMatchObject({ code: 3 });
});

test('a new table has no streams until it can be seen', async () => {
  const { clock, createStream } = await startStorage({ tableVisibleAfterMs: 2_000 });
  await expect(createStream()).rejects.toMatchObject({ code: 5 });
  clock.advance(2_000);
  await createStream();
});

test('streams are created at a limited rate', async () => {
  const { clock, createStream } = await startStorage({ streamsPerSecond: 2, streamsPerHour: 3 });
  await createStream();
  await createStream();
  const refusal = {
    code: 8,
    message: expect.stringContaining("Exceeds 'CreateWriteStream requests' quota"),
  };
  await expect(createStream()).rejects.toMatchObject(refusal);
  clock.advance(1_000);
  await createStream();
  clock.advance(1_000);
  await expect(createStream()).rejects.toMatchObject(refusal);
  clock.advance(3_600_000);
  await createStream();
});

test.each([
  ['COMMITTED', 4],
  ['BUFFERED', 7],
] as const)('a %s stream is forgotten after %i days without use', async (type, days) => {
  const { clock, createStream, storage } = await startStorage();
  const name = await createStream(type);
  clock.advance(days * 86_400_000);
  await new Appends(storage, name).append(['a'], 0);
  clock.advance(days * 86_400_000);
  await storage.getWriteStream({ name }, CALL);
  clock.advance(1);
  await expect(storage.getWriteStream({ name }, CALL)).rejects.toMatchObject({ code: 5 });
});
