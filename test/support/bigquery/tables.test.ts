import { expect, test } from 'vitest';
import { FIELDS, NAME, startFake } from './fake-world.ts';

const PARTITIONED = {
  schema: { fields: [...FIELDS, { name: 'at', type: 'TIMESTAMP' }] },
  timePartitioning: { type: 'DAY', field: 'at', expirationMs: '86400000' },
  clustering: { fields: ['id'] },
};

test('a table is returned as it was created, with the older names of types', async () => {
  const { create, table } = await startFake();
  const fields = [
    { name: 'ok', type: 'BOOL', description: 'Whether it passed.' },
    { name: 'seconds', type: 'FLOAT64' },
    { name: 'at', type: 'TIMESTAMP' },
    { name: 'run', type: 'STRUCT', fields: [{ name: 'count', type: 'INT64' }] },
    { name: 'id', type: 'STRING' },
  ];
  await create({ ...PARTITIONED, schema: { fields }, description: 'All results.' });
  const [metadata] = await table.getMetadata();
  expect(metadata).toMatchObject({
    tableReference: { projectId: 'acme', datasetId: 'ci', tableId: 'results' },
    description: 'All results.',
    timePartitioning: PARTITIONED.timePartitioning,
    clustering: PARTITIONED.clustering,
  });
  expect(metadata.schema.fields).toEqual([
    { name: 'ok', type: 'BOOLEAN', mode: 'NULLABLE', description: 'Whether it passed.' },
    { name: 'seconds', type: 'FLOAT', mode: 'NULLABLE' },
    { name: 'at', type: 'TIMESTAMP', mode: 'NULLABLE' },
    {
      name: 'run',
      type: 'RECORD',
      mode: 'NULLABLE',
      fields: [{ name: 'count', type: 'INTEGER', mode: 'NULLABLE' }],
    },
    { name: 'id', type: 'STRING', mode: 'NULLABLE' },
  ]);
});

test.each([
  [
    'two columns of one name',
    { schema: { fields: [...FIELDS, { name: 'ID', type: 'STRING' }] } },
    /Duplicate field name: ID/,
  ],
  [
    'a name with a dot',
    { schema: { fields: [{ name: 'a.b', type: 'STRING' }] } },
    /Invalid field name/,
  ],
  ['an unknown type', { schema: { fields: [{ name: 'a', type: 'TEXT' }] } }, /not a valid value/],
  [
    'a record without fields',
    { schema: { fields: [{ name: 'a', type: 'RECORD' }] } },
    /has no schema/,
  ],
  [
    'a long description',
    { schema: { fields: [{ name: 'a', type: 'STRING', description: 'x'.repeat(1025) }] } },
    /too long/,
  ],
  [
    'partitions by a column that is no time',
    { timePartitioning: { type: 'DAY', field: 'id' } },
    /TIMESTAMP, DATE or DATETIME/,
  ],
  [
    'partitions by an unknown column',
    { timePartitioning: { type: 'DAY', field: 'at' } },
    /cannot be found in the schema: at/,
  ],
  [
    'clusters by five columns',
    { clustering: { fields: ['id', 'id', 'id', 'id', 'id'] } },
    /1 to 4/,
  ],
  [
    'clusters by a field of a record',
    {
      schema: {
        fields: [{ name: 'run', type: 'RECORD', fields: [{ name: 'id', type: 'STRING' }] }],
      },
      clustering: { fields: ['run.id'] },
    },
    /cannot be found in the schema: run.id/,
  ],
])('a table is refused that has %s', async (_, options, message) => {
  const { create } = await startFake();
  await expect(create(options)).rejects.toMatchObject({
    code: 400,
    errors: [{ reason: 'invalid', message: expect.stringMatching(message) }],
  });
});

test('missing and existing things have their own errors', async () => {
  const { bigQuery, create, table } = await startFake();
  await expect(table.getMetadata()).rejects.toMatchObject({
    code: 404,
    errors: [{ reason: 'notFound', message: 'Not found: Table acme:ci.results' }],
  });
  await create();
  await expect(create()).rejects.toMatchObject({ code: 409, errors: [{ reason: 'duplicate' }] });
  bigQuery.forbid(NAME);
  const denied = { code: 403, errors: [{ reason: 'accessDenied' }] };
  await expect(table.getMetadata()).rejects.toMatchObject(denied);
  await expect(table.insert([{ id: 'a' }])).rejects.toMatchObject(denied);
  bigQuery.forbid(NAME, false);
  await table.delete();
  await expect(table.getMetadata()).rejects.toMatchObject({ code: 404 });
});

test('columns may be added, also to records, and REQUIRED may become NULLABLE', async () => {
  const { create, table } = await startFake();
  const run = { name: 'run', type: 'RECORD', fields: [{ name: 'id', type: 'STRING' }] };
  await create({ schema: { fields: [...FIELDS, run] } });
  const fields = [
    { name: 'note', type: 'STRING' },
    {
      name: 'run',
      type: 'RECORD',
      fields: [{ name: 'tag', type: 'STRING', mode: 'REPEATED' }, ...run.fields],
    },
    { name: 'count', type: 'INT64' },
    { name: 'id', type: 'STRING' },
  ];
  const [after] = await table.setMetadata({ schema: { fields } });
  expect(after.schema.fields).toMatchObject([
    { name: 'id', mode: 'NULLABLE' },
    { name: 'count' },
    { name: 'run', fields: [{ name: 'id' }, { name: 'tag', mode: 'REPEATED' }] },
    { name: 'note' },
  ]);
});

test.each([
  ['removes a column', [FIELDS[0]], 'Field count is missing in new schema'],
  [
    'changes a type',
    [FIELDS[0], { name: 'count', type: 'STRING' }],
    'Field count has changed type from INTEGER to STRING',
  ],
  [
    'narrows a column',
    [FIELDS[0], { ...FIELDS[1], mode: 'REQUIRED' }],
    'Field count has changed mode from NULLABLE to REQUIRED',
  ],
  [
    'adds a required column',
    [...FIELDS, { name: 'x', type: 'STRING', mode: 'REQUIRED' }],
    'Cannot add required fields to an existing schema. (field: x)',
  ],
])('a change is refused that %s', async (_, fields, why) => {
  const { create, table } = await startFake();
  await create();
  const change = table.setMetadata({ schema: { fields: fields as object[] } });
  await expect(change).rejects.toMatchObject({
    code: 400,
    message: expect.stringContaining(
      `Provided Schema does not match Table acme:ci.results. ${why}`,
    ),
  });
});

test('a change under an old ETag is refused', async () => {
  const { create, table } = await startFake();
  await create();
  const [{ etag }] = await table.getMetadata();
  const [changed] = await table.setMetadata({ etag, description: 'one' });
  expect(changed.etag).not.toBe(etag);
  await expect(table.setMetadata({ etag, description: 'two' })).rejects.toMatchObject({
    code: 412,
    errors: [{ reason: 'conditionNotMet' }],
  });
  await table.setMetadata({ etag: changed.etag, description: 'three' });
  await table.setMetadata({ description: 'four' });
  expect((await table.getMetadata())[0].description).toBe('four');
});

test('the partitioning stays as it was, but for its expiration', async () => {
  const { create, table } = await startFake();
  await create(PARTITIONED);
  const timePartitioning = { type: 'DAY', field: 'at', expirationMs: '1' };
  await table.setMetadata({ timePartitioning });
  await expect(table.setMetadata({ timePartitioning: { type: 'DAY' } })).rejects.toMatchObject({
    code: 400,
  });
  await table.setMetadata({ clustering: { fields: ['count'] } });
  const [metadata] = await table.getMetadata();
  expect(metadata).toMatchObject({ timePartitioning, clustering: { fields: ['count'] } });
});

test('a table takes five changes in ten seconds', async () => {
  const { clock, create, table } = await startFake();
  await create();
  for (const description of ['1', '2', '3', '4', '5']) await table.setMetadata({ description });
  await expect(table.setMetadata({ description: '6' })).rejects.toMatchObject({
    code: 403,
    errors: [
      {
        reason: 'rateLimitExceeded',
        message: expect.stringContaining('too many table update operations'),
      },
    ],
  });
  clock.advance(10_000);
  await table.setMetadata({ description: '7' });
});
