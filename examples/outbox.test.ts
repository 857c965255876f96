import { systemClock } from '@postlude/queue/foundations';
import pg from 'pg';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import {
  testPostgresUrl,
  testSchema,
  withTestClient,
} from '../test/support/databases/databases.ts';
import { startCloudTasksEmulator } from '../test/support/tq/cloud-tasks-emulator.ts';
import { openShop, type ShopOptions } from './outbox.ts';

const PLACE = { project: 'p', region: 'l', pushAs: 'shop@p.example', audience: 'shop' };

/** Opens a shop on a database of its own, which is dropped when the test ends. */
async function openTestShop(cloud?: ShopOptions['cloud']) {
  const name = testSchema();
  await withTestClient((client) => client.query(`CREATE DATABASE ${name}`));
  const url = new URL(testPostgresUrl());
  url.pathname = `/${name}`;
  const shop = await openShop({ databaseUrl: url.href, ...(cloud ? { cloud } : {}) });
  onTestFinished(async () => {
    await shop.close();
    await withTestClient((client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
  });
  const orders = async (): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    const { rows } = await client.query('SELECT id, confirmed FROM orders ORDER BY id');
    await client.end();
    return rows;
  };
  const order = async (id: string): Promise<number> =>
    (await fetch(`${shop.url}/orders/${id}`, { method: 'POST' })).status;
  return { ...shop, order, orders };
}

async function ordersThatAreConfirmed(shop: Awaited<ReturnType<typeof openTestShop>>) {
  expect(await shop.order('a')).toBe(201);
  expect(await shop.order('b')).toBe(201);
  expect(await shop.order('a')).toBe(409);
  for (;;) {
    const orders = (await shop.orders()) as { confirmed: boolean }[];
    if (orders.every(({ confirmed }) => confirmed)) return orders;
    await systemClock.sleep(20); // like any outside client, we can only look
  }
}

const CONFIRMED = [
  { id: 'a', confirmed: true },
  { id: 'b', confirmed: true },
];

describe.skipIf(testPostgresUrl() === '')('a shop', () => {
  test('confirms its orders with PostgreSQL alone', async () => {
    expect(await ordersThatAreConfirmed(await openTestShop())).toEqual(CONFIRMED);
  });

  test.runIf(inject('hasCloudTasksEmulator'))('confirms them by Cloud Tasks', async () => {
    const emulator = await startCloudTasksEmulator(['projects/p/locations/l/queues/orders']);
    onTestFinished(() => emulator.stop());
    const shop = await openTestShop({ ...PLACE, emulator });
    expect(await ordersThatAreConfirmed(shop)).toEqual(CONFIRMED);
  });
});
