import { expect, test } from 'vitest';
import { FIELDS, NAME, startFake } from './fake-world.ts';

const RAW = { raw: true, partialRetries: 0 };

async function startTable(limits = {}) {
  const world = await startFake(limits);
  await world.create();
  const insert = (ids: readonly string[], options: object = {}) => {
    const rows = ids.map((id) => ({ insertId: id, json: { id } }));
    return world.table.insert(rows, { ...RAW, ...options });
  };
  return { ...world, insert };
}

/** The response of a request in which rows were refused. */
async function refused(request: Promise<unknown>): Promise<object> {
  const error = (await request.catch((thrown: unknown) => thrown)) as {
    readonly response: { readonly insertErrors: object };
  };
  return error.response.insertErrors;
}

test('a repeated insertId lands once within the window, and again after it', async () => {
  const { bigQuery, clock, insert } = await startTable();
  await insert(['a', 'a', 'b']);
  clock.advance(59_999);
  await insert(['a', 'c']);
  expect(bigQuery.rows(NAME)).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
  clock.advance(1);
  await insert(['a', 'c']);
  expect(bigQuery.landed(NAME)?.at(-1)).toMatchObject({ row: { id: 'a' }, insertId: 'a' });
  expect(bigQuery.rows(NAME)).toHaveLength(4);
});

test('rows without insertId land each time', async () => {
  const { bigQuery, table } = await startTable();
  await table.insert([{ json: { id: 'a' } }], RAW);
  await table.insert([{ json: { id: 'a' }, insertId: '' }], RAW);
  expect(bigQuery.rows(NAME)).toHaveLength(2);
});

test('an invalid row stops the others of its request', async () => {
  const { bigQuery, table } = await startTable();
  const rows = [{ json: { id: 'a' } }, { json: { id: 'b', count: 'many' } }, { json: { id: 'c' } }];
  const stopped = { reason: 'stopped', location: '', debugInfo: '', message: '' };
  expect(await refused(table.insert(rows, RAW))).toEqual([
    { index: 0, errors: [stopped] },
    {
      index: 1,
      errors: [
        {
          reason: 'invalid',
          location: 'count',
          debugInfo: '',
          message: 'Cannot convert value to integer (bad value): many',
        },
      ],
    },
    { index: 2, errors: [stopped] },
  ]);
  expect(bigQuery.rows(NAME)).toEqual([]);
});

test('with skipInvalidRows the other rows land', async () => {
  const { bigQuery, table } = await startTable();
  const rows = [{ json: { id: 'a' } }, { json: { count: 1 } }, { json: { id: 'c' } }];
  expect(await refused(table.insert(rows, { ...RAW, skipInvalidRows: true }))).toMatchObject([
    { index: 1, errors: [{ reason: 'invalid', message: 'Missing required field: id.' }] },
  ]);
  expect(bigQuery.rows(NAME)).toEqual([{ id: 'a' }, { id: 'c' }]);
});

const ALL = [
  ...FIELDS,
  { name: 'ok', type: 'BOOL' },
  { name: 'seconds', type: 'FLOAT64' },
  { name: 'at', type: 'TIMESTAMP' },
  { name: 'words', type: 'STRING', mode: 'REPEATED' },
  { name: 'blob', type: 'BYTES' },
  { name: 'json', type: 'JSON' },
  { name: 'run', type: 'RECORD', fields: [{ name: 'id', type: 'STRING' }] },
];

test.each([
  [
    'count',
    { count: '9223372036854775808' },
    'Cannot convert value to integer (bad value): 9223372036854775808',
  ],
  ['count', { count: 1.5 }, 'Cannot convert value to integer (bad value): 1.5'],
  ['ok', { ok: 'maybe' }, 'Cannot convert value to boolean (bad value): maybe'],
  ['seconds', { seconds: 'long' }, 'Cannot convert value to float (bad value): long'],
  ['at', { at: 'yesterday' }, 'Cannot convert value to timestamp (bad value): yesterday'],
  [
    'at',
    { at: '10000-01-01T00:00:00Z' },
    'Cannot convert value to timestamp (bad value): 10000-01-01T00:00:00Z',
  ],
  ['words', { words: ['a', null] }, 'Field value of words cannot be empty.'],
  ['seconds', { seconds: [1] }, 'Array specified for non-repeated field: seconds.'],
  ['json', { json: '{' }, 'Cannot convert value to json (bad value): {'],
  ['run', { run: 'x' }, 'This field: run is not a record.'],
  ['run.name', { run: { name: 'x' } }, 'no such field: run.name.'],
  ['other', { other: 1 }, 'no such field: other.'],
])('a value that does not fit column %s is refused: %j', async (location, json, message) => {
  const { create, table } = await startFake();
  await create({ schema: { fields: ALL } });
  const request = table.insert([{ json: { id: 'a', ...json } }], RAW);
  expect(await refused(request)).toMatchObject([{ index: 0, errors: [{ location, message }] }]);
});

test('values are stored in one form', async () => {
  const { bigQuery, create, table } = await startFake();
  await create({ schema: { fields: ALL } });
  const json = {
    ID: 7,
    count: '9007199254740993',
    ok: 'TRUE',
    seconds: '1.5',
    at: 1.5,
    words: ['a'],
    blob: 'YQ==',
    json: { a: 1 },
    run: { id: 'r' },
  };
  await table.insert([{ json }], RAW);
  await table.insert([{ json: { id: 'b', at: '2026-01-02 03:04:05.000006+01:00', extra: 1 } }], {
    ...RAW,
    ignoreUnknownValues: true,
  });
  expect(bigQuery.rows(NAME)).toEqual([
    {
      id: '7',
      count: '9007199254740993',
      ok: true,
      seconds: 1.5,
      at: '1970-01-01T00:00:01.500000Z',
      words: ['a'],
      blob: 'YQ==',
      json: '{"a":1}',
      run: { id: 'r' },
    },
    { id: 'b', at: '2026-01-02T02:04:05.000006Z' },
  ]);
});

test.each([
  ['no rows', [], 'No rows present in the request.'],
  [
    'too many rows',
    ['a', 'b', 'c', 'd'],
    'too many rows present in the request, limit: 3 row count: 4.',
  ],
  ['too many bytes', ['x'.repeat(1024)], 'Request payload size exceeds the limit: 1024 bytes.'],
])('a request with %s is refused', async (_, ids, message) => {
  const { table } = await startTable({ insertAllRows: 3, insertAllBytes: 1024 });
  const json = { rows: ids.map((id) => ({ json: { id } })) };
  await expect(table.request({ method: 'POST', uri: '/insertAll', json })).rejects.toMatchObject({
    code: 400,
    message: expect.stringContaining(message),
  });
});

test('a request that is far too large does not get far', async () => {
  const { insert } = await startTable({ insertAllBytes: 1024 });
  await expect(insert(['x'.repeat(3000)])).rejects.toMatchObject({ code: 413 });
});

test('rows that are too large, or have a long insertId, or that the test rejects, are refused', async () => {
  const { bigQuery, insert, table } = await startTable({ rowBytes: 300 });
  bigQuery.rejectRows(({ id }) => (id === 'bad' ? 'it is bad' : undefined));
  const rows = [
    { json: { id: 'y'.repeat(300) } },
    { json: { id: 'a' }, insertId: 'x'.repeat(129) },
  ];
  const request = table.insert([...rows, { json: { id: 'bad' } }], {
    ...RAW,
    skipInvalidRows: true,
  });
  expect(await refused(request)).toMatchObject([
    {
      index: 0,
      errors: [{ message: 'Maximum allowed row size exceeded. Allowed: 300 Row size: 309' }],
    },
    { index: 1, errors: [{ message: 'Insert ID is longer than 128 bytes.' }] },
    { index: 2, errors: [{ message: 'it is bad' }] },
  ]);
  await insert(['good']);
  expect(bigQuery.rows(NAME)).toEqual([{ id: 'good' }]);
});

test('a new table is not found by writers until it can be seen', async () => {
  const { bigQuery, clock, insert, table } = await startTable({ tableVisibleAfterMs: 2_000 });
  await table.getMetadata();
  await expect(insert(['a'])).rejects.toMatchObject({
    code: 404,
    errors: [{ reason: 'notFound' }],
  });
  clock.advance(2_000);
  await insert(['a']);
  expect(bigQuery.rows(NAME)).toHaveLength(1);
});

test('new columns can be written once they can be seen', async () => {
  const { clock, table } = await startTable({ schemaVisibleAfterMs: 60_000 });
  await table.setMetadata({ schema: { fields: [...FIELDS, { name: 'note', type: 'STRING' }] } });
  const row = [{ json: { id: 'a', note: 'x' } }];
  expect(await refused(table.insert(row, RAW))).toMatchObject([
    { errors: [{ message: 'no such field: note.' }] },
  ]);
  clock.advance(60_000);
  await table.insert(row, RAW);
});
