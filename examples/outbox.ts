/**
 * A shop whose orders are confirmed by a task. The order and the task are stored in one transaction, so
 * each stored order is confirmed, and no other. With Cloud Tasks, the task is pushed to the shop's own
 * URL; without any cloud, PostgreSQL alone carries it.
 */
import type { AddressInfo } from 'node:net';
import { Dispatcher, systemClock, TaskQueue } from '@postlude/queue';
import { fromPostgres, openPostgres, ServerClock } from '@postlude/queue/postgres';
import {
  CloudTasksSubmitter,
  createPushHandler,
  deliverInProcess,
  deliveryHandler,
  expressPush,
  QueueSubmitter,
  Sweeper,
  standardPayload,
  TaskClasses,
  Tq,
  taskClass,
} from '@postlude/queue/tq';
import express from 'express';
import pg from 'pg';
import { z } from 'zod'; // or any other Standard Schema validator

const CONFIRM = taskClass({
  id: 'confirm-order',
  payload: standardPayload(z.object({ orderId: z.string() })),
  kind: 'transactional',
  queue: 'orders',
});

export interface ShopOptions {
  readonly databaseUrl: string;
  /** Without it, tasks are stored in PostgreSQL, and this process runs them. */
  readonly cloud?: {
    readonly project: string;
    readonly region: string;
    /** The service account whose tokens the pushes carry, and the audience of these tokens. */
    readonly pushAs: string;
    readonly audience: string;
    /** The address of the emulator, and the issuer of its tokens. */
    readonly emulator?: { readonly host: string; readonly issuer: string };
  };
}

export async function openShop({ databaseUrl, cloud }: ShopOptions) {
  const pool = new pg.Pool({ connectionString: databaseUrl });
  const db = await openPostgres({ url: databaseUrl });
  await db.migrate();
  await pool.query('CREATE TABLE IF NOT EXISTS orders (id text PRIMARY KEY, confirmed boolean)');
  const clock = new ServerClock(db, systemClock);
  await clock.sync();
  const stop = new AbortController();

  const classes = new TaskClasses([CONFIRM]);
  classes.attach(CONFIRM, async ({ payload }) => {
    // It may run more than once, so it sets a state instead of changing one.
    await pool.query('UPDATE orders SET confirmed = true WHERE id = $1', [payload.orderId]);
  });

  const app = express();
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const { tq, background, close } = cloud ? await withCloudTasks(cloud) : withPostgresAlone();

  app.post('/orders/:id', async (request, response) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('INSERT INTO orders VALUES ($1, false)', [request.params.id]);
      const tx = fromPostgres(client);
      await tq.addTask({ class: CONFIRM, payload: { orderId: request.params.id } }, tx);
      await client.query('COMMIT');
      await tx.committed(); // submits the task now; without it, a sweep would
      response.status(201).send('ordered\n');
    } catch (error) {
      await client.query('ROLLBACK');
      response.status(409).send(`${(error as Error).message}\n`);
    } finally {
      client.release();
    }
  });

  async function withCloudTasks(place: NonNullable<ShopOptions['cloud']>) {
    const { project, region, pushAs, audience, emulator } = place;
    const submitter = await CloudTasksSubmitter.open(
      emulator ? { emulatorHost: emulator.host } : {},
    );
    const auth = {
      emails: [pushAs],
      audiences: [audience],
      ...(emulator ? { issuer: emulator.issuer } : {}),
    };
    app.use('/internal/tasks', expressPush(createPushHandler({ classes, auth, clock })));
    const settings = { project, region, pushAs, pushAudience: audience, defaultTargetHost: url };
    return {
      tq: new Tq({ db, classes, submitter, clock, settings }),
      background: new Sweeper({ db, submitter, clock }).run(stop.signal),
      close: () => submitter.close(),
    };
  }

  function withPostgresAlone() {
    const queue = new TaskQueue({ db, clock });
    const handlers = [deliveryHandler(deliverInProcess({ classes, clock }))];
    const dispatcher = new Dispatcher({ queue, clock, handlers, pollMs: 100 });
    return {
      tq: new Tq({ db, classes, submitter: new QueueSubmitter(queue), clock }),
      background: dispatcher.run(stop.signal),
      close: async () => undefined,
    };
  }

  return {
    url,
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      stop.abort();
      await Promise.all([background, tq.idle()]);
      await close();
      await db.close();
      await pool.end();
    },
  };
}
