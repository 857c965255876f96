import { seededRandom } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { ApiError } from './errors.ts';
import { Appends, CALL, FIELDS, NAME, PATH, startFake, startStorage } from './fake-world.ts';
import { FaultPlan } from './faults.ts';

const RAW = { raw: true, partialRetries: 0 };

test.each([
  ['before', 0],
  ['after', 1],
] as const)('an HTTP connection is cut %s the step takes effect', async (when, landed) => {
  const { bigQuery, create, table } = await startFake();
  await create();
  bigQuery.faults.next('tabledata.insertAll', { kind: 'cut', when });
  const insert = table.insert([{ json: { id: 'a' } }], RAW);
  await expect(insert).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(bigQuery.rows(NAME)).toHaveLength(landed);
  await table.insert([{ json: { id: 'b' } }], RAW);
});

test.each([
  ['before', 0],
  ['after', 1],
] as const)('a request over HTTP fails %s it takes effect', async (when, landed) => {
  const { bigQuery, create, table } = await startFake();
  await create();
  bigQuery.faults.next('tabledata.insertAll', { kind: 'status', code: 'UNAVAILABLE', when });
  const insert = table.insert([{ json: { id: 'a' } }], RAW);
  await expect(insert).rejects.toMatchObject({ code: 503 });
  expect(bigQuery.rows(NAME)).toHaveLength(landed);
});

test('the quota of one table is used up, over HTTP and over gRPC', async () => {
  const { bigQuery, createStream, storage, table, create } = await startStorage();
  const appends = new Appends(storage, await createStream());
  await appends.append(['a'], 0);
  bigQuery.exhaust(NAME);
  const insert = table.insert([{ json: { id: 'b' } }], RAW);
  await expect(insert).rejects.toMatchObject({ code: 403, errors: [{ reason: 'quotaExceeded' }] });
  await appends.append(['b'], 1);
  expect(await appends.end).toMatchObject({ code: 8 });
  const other = await create({}, 'others');
  await other.insert([{ json: { id: 'b' } }], RAW);
  bigQuery.exhaust(NAME, false);
  await table.insert([{ json: { id: 'b' } }], RAW);
  expect(bigQuery.rows(NAME)).toHaveLength(2);
});

test('one request is refused with any error', async () => {
  const { bigQuery, table } = await startStorage();
  const error = new ApiError(403, 'rateLimitExceeded', 'Exceeded rate limits.');
  bigQuery.faults.on('tabledata.insertAll', 2, { kind: 'error', error });
  await table.insert([{ json: { id: 'a' } }], RAW);
  await expect(table.insert([{ json: { id: 'b' } }], RAW)).rejects.toMatchObject({
    code: 403,
    errors: [{ reason: 'rateLimitExceeded' }],
  });
});

test('an answer over HTTP is held back, and the step has taken effect', async () => {
  const { bigQuery, create, table } = await startFake();
  await create();
  const { promise: until, resolve } = Promise.withResolvers<void>();
  bigQuery.faults.next('tables.patch', { kind: 'slow', until });
  const patched = table.setMetadata({
    schema: { fields: [...FIELDS, { name: 'x', type: 'STRING' }] },
  });
  const seen = table.getMetadata();
  expect((await Promise.race([patched, seen]))[0].schema.fields).toBeDefined();
  resolve();
  await patched;
});

test('a step can be preceded by anything, such as the end of its table', async () => {
  const { bigQuery, createStream, storage } = await startStorage();
  const appends = new Appends(storage, await createStream());
  const run = () => bigQuery.deleteTable(NAME);
  bigQuery.faults.on('AppendRows', 2, { kind: 'run', run });
  await appends.append(['a'], 0);
  await appends.append(['b'], 1);
  expect(await appends.end).toMatchObject({ code: 5 });
});

test.each([
  ['before', 0],
  ['after', 1],
] as const)('a gRPC connection is cut %s the append takes effect', async (when, landed) => {
  const { bigQuery, createStream, storage } = await startStorage();
  const stream = await createStream();
  const appends = new Appends(storage, stream);
  bigQuery.faults.next('AppendRows', { kind: 'cut', when });
  expect(await appends.append(['a'], 0)).toBeUndefined();
  expect(await appends.end).toMatchObject({ code: 14 });
  expect(bigQuery.rows(NAME)).toHaveLength(landed);
  const again = await new Appends(storage, stream).append(['a'], 0);
  expect(again?.error?.code ?? 0).toBe(landed === 1 ? 6 : 0);
});

test.each([
  ['before', 0],
  ['after', 1],
] as const)('a call ends with a status %s it takes effect', async (when, landed) => {
  const { bigQuery, createStream, storage } = await startStorage();
  const appends = new Appends(storage, await createStream());
  bigQuery.faults.next('AppendRows', { kind: 'status', code: 'INTERNAL', when });
  await appends.append(['a'], 0);
  expect(await appends.end).toMatchObject({ code: 13 });
  expect(bigQuery.rows(NAME)).toHaveLength(landed);
  bigQuery.faults.next('CreateWriteStream', { kind: 'status', code: 'UNAVAILABLE', when });
  await expect(createStream()).rejects.toMatchObject({ code: 14 });
  expect(bigQuery.streams).toHaveLength(1 + landed);
});

test('an append is answered with an error, and the connection goes on', async () => {
  const { bigQuery, createStream, storage } = await startStorage();
  const appends = new Appends(storage, await createStream());
  bigQuery.faults.next('AppendRows', { kind: 'in-response', code: 'INTERNAL' });
  expect(await appends.append(['a'], 0)).toMatchObject({ error: { code: 13 } });
  expect(await appends.append(['a'], 0)).toMatchObject({ appendResult: {} });
});

test('a cut breaks all calls of its connection, and what was sent after it has no effect', async () => {
  const { bigQuery, createStream, storage } = await startStorage();
  const [first, second] = [
    new Appends(storage, await createStream()),
    new Appends(storage, await createStream()),
  ];
  await second.append(['x'], 0);
  bigQuery.faults.next('AppendRows', { kind: 'cut', when: 'after' });
  for (const offset of [0, 1, 2]) first.send([`${offset}`], offset);
  expect(await first.end).toMatchObject({ code: 14 });
  expect(await second.end).toMatchObject({ code: 14 });
  expect(bigQuery.rows(NAME).map(({ id }) => id)).toEqual(['x', '0']);
});

test('an append may arrive after its connection was lost', async () => {
  const { bigQuery, createStream, storage } = await startStorage();
  const stream = await createStream();
  const appends = new Appends(storage, stream);
  await appends.append(['a'], 0);
  const { promise: until, resolve } = Promise.withResolvers<void>();
  bigQuery.faults.next('AppendRows', { kind: 'late', until });
  await appends.append(['b'], 1);
  expect(await appends.end).toMatchObject({ code: 14 });
  expect(bigQuery.rows(NAME)).toHaveLength(1);
  resolve();
  const again = await new Appends(storage, stream).append(['b'], 1);
  expect(again?.error?.code).toBe(6);
  expect(bigQuery.rows(NAME).map(({ id }) => id)).toEqual(['a', 'b']);
});

test('a call may take effect after its connection was lost', async () => {
  const { bigQuery, createStream, storage, table } = await startStorage();
  const name = await createStream();
  const { faults } = bigQuery;
  faults.next('FinalizeWriteStream', { kind: 'late', until: faults.afterSteps(2) });
  await expect(storage.finalizeWriteStream({ name }, CALL)).rejects.toMatchObject({ code: 14 });
  expect(await new Appends(storage, name).append(['a'], 0)).toMatchObject({ appendResult: {} });
  const finalized = new Appends(storage, name);
  await finalized.append(['b'], 1);
  expect(await finalized.end).toMatchObject({ code: 3 });
  faults.next('tabledata.insertAll', { kind: 'late', until: faults.afterSteps(2) });
  await expect(table.insert([{ json: { id: 'late' } }], RAW)).rejects.toMatchObject({
    code: 'ECONNRESET',
  });
  await table.insert([{ json: { id: 'c' } }], RAW);
  expect(bigQuery.rows(NAME).map(({ id }) => id)).toEqual(['a', 'c', 'late']);
});

test('all gRPC connections can be broken at once', async () => {
  const { bigQuery, createStream, storage } = await startStorage();
  const appends = new Appends(storage, await createStream());
  await appends.append(['a'], 0);
  expect(bigQuery.connections).toBe(1);
  bigQuery.cut();
  expect(await appends.end).toMatchObject({ code: 14 });
});

test('steps are counted over all operations', async () => {
  const { bigQuery, createStream, storage, table } = await startStorage();
  const appends = new Appends(storage, await createStream());
  bigQuery.faults.at(4, { kind: 'status', code: 'UNAVAILABLE', when: 'before' });
  await appends.append(['a'], 0);
  await expect(table.getMetadata()).rejects.toMatchObject({ code: 503 });
  await storage.getWriteStream({ name: `${PATH}/streams/_default` }, CALL);
  expect(bigQuery.faults.steps).toEqual([
    'tables.insert',
    'CreateWriteStream',
    'AppendRows',
    'tables.get',
    'GetWriteStream',
  ]);
});

test('faults by seed are the same each time, and end when they are cleared', () => {
  const draw = (seed: number) => {
    const plan = new FaultPlan();
    plan.seed(seededRandom(seed), 0.5);
    return Array.from({ length: 20 }, () => plan.arrive('AppendRows'));
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(draw(1).filter((fault) => fault === undefined).length).toBeLessThan(20);
  const plan = new FaultPlan();
  plan.seed(seededRandom(1), 1);
  plan.clear();
  expect(plan.arrive('AppendRows')).toBeUndefined();
});
