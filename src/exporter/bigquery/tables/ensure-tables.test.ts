import { CodedError } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { openBigQuery, TABLE } from '../../../../test/support/exports/bigquery-world.ts';
import { ImpatientClock } from '../../../../test/support/exports/impatient-clock.ts';
import { TEST_RESULTS } from '../../rows/row-kind.ts';
import { openTableClient } from '../clients/google-table-client.ts';
import type { PresentTable } from '../clients/ports.ts';
import { EnsureTables } from './ensure-tables.ts';
import { tableOf } from './table-definition.ts';

const { fields } = tableOf(TEST_RESULTS).schema;

async function openReal() {
  const { bigQuery, clock } = await openBigQuery();
  const client = await openTableClient({ endpoint: bigQuery.httpOptions.apiEndpoint });
  const open = () => new EnsureTables({ client, clock, definition: tableOf(TEST_RESULTS) });
  return { bigQuery, client, open };
}

test('a table is created once, however many exports need it', async () => {
  const { bigQuery, client, open } = await openReal();
  const tables = open();
  await Promise.all([1, 2, 3].map(() => tables.ensure(TABLE)));
  await tables.ensure(TABLE);
  expect(bigQuery.faults.steps).toEqual(['tables.get', 'tables.insert']);
  expect((await client.find(TABLE))?.fields.map(({ name }) => name)).toEqual(
    fields.map(({ name }) => name),
  );
});

test('processes that create or extend a table at the same time do not disturb one another', async () => {
  const { bigQuery, client, open } = await openReal();
  await Promise.all([1, 2, 3].map(() => open().ensure(TABLE)));
  bigQuery.deleteTable(TABLE);
  const few = fields.filter(({ name }) => name !== 'tags');
  await client.create(TABLE, { ...tableOf(TEST_RESULTS), schema: { fields: few } });
  await Promise.all([1, 2, 3].map(() => open().ensure(TABLE)));
  const names = (await client.find(TABLE))?.fields.map(({ name }) => name) ?? [];
  expect(names.filter((name) => name === 'tags')).toHaveLength(1);
  expect(names).toHaveLength(fields.length);
});

/** A table that fails as a test says. */
function openFailing(find: () => Promise<PresentTable | undefined>) {
  const clock = new ImpatientClock();
  let finds = 0;
  const client = {
    find: () => {
      finds++;
      return find();
    },
    create: async () => undefined,
    setFields: async () => undefined,
  };
  const tables = new EnsureTables({ client, clock, definition: tableOf(TEST_RESULTS) });
  return { clock, tables, finds: () => finds };
}

test('a denial is remembered for a minute, and given as such to each export', async () => {
  const denied = new CodedError('permission-denied', 'no');
  const { clock, finds, tables } = openFailing(() => Promise.reject(denied));
  await expect(tables.ensure(TABLE)).rejects.toBe(denied);
  await expect(tables.ensure(TABLE)).rejects.toBe(denied);
  expect(finds()).toBe(1);
  clock.advance(60_000);
  await expect(tables.ensure(TABLE)).rejects.toBe(denied);
  expect(finds()).toBe(2);
});

test('a failure that may pass is not remembered', async () => {
  const { finds, tables } = openFailing(() =>
    Promise.reject(new CodedError('unavailable', 'lost')),
  );
  await expect(tables.ensure(TABLE)).rejects.toThrow('lost');
  await expect(tables.ensure(TABLE)).rejects.toThrow('lost');
  expect(finds()).toBe(2);
});

test('a table is looked at again once it is forgotten', async () => {
  const { finds, tables } = openFailing(async () => ({ fields, etag: 'e' }));
  await tables.ensure(TABLE);
  await tables.ensure(TABLE);
  tables.forget(TABLE);
  await tables.ensure(TABLE);
  expect(finds()).toBe(2);
});
