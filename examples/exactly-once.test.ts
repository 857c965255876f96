import {
  type Database,
  Dispatcher,
  type TaskHandler,
  TaskInspector,
  TaskQueue,
} from '@postlude/queue';
import { fromPglite } from '@postlude/queue/pglite';
import { openPostgres } from '@postlude/queue/postgres';
import { FakeClock } from '@postlude/queue/testing';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  sharedPglite,
  testPostgresUrl,
  testSchema,
  withTestClient,
} from '../test/support/databases/databases.ts';
import { CREATE_SENT_LETTERS, cardHandler, letterHandler } from './exactly-once.ts';

interface Shop {
  readonly db: Database;
  notes(): Promise<string[]>;
}

async function openOnPglite(): Promise<Shop> {
  const instance = await sharedPglite();
  const schema = testSchema();
  const db = fromPglite(instance, { schema });
  onTestFinished(async () => {
    await instance.exec(`DROP SCHEMA shop CASCADE; DROP SCHEMA "${schema}" CASCADE`);
  });
  await db.migrate();
  await instance.exec(CREATE_SENT_LETTERS);
  const notes = async () =>
    (await instance.query<{ id: string }>('SELECT id FROM shop.sent_letters')).rows;
  return { db, notes: async () => (await notes()).map(({ id }) => id) };
}

async function openOnPostgres(): Promise<Shop & { readonly pool: pg.Pool }> {
  const name = testSchema();
  await withTestClient((client) => client.query(`CREATE DATABASE ${name}`));
  const url = new URL(testPostgresUrl());
  url.pathname = `/${name}`;
  const db = await openPostgres({ url: url.href });
  const pool = new pg.Pool({ connectionString: url.href });
  onTestFinished(async () => {
    await Promise.all([pool.end(), db.close()]);
    await withTestClient((client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
  });
  await db.migrate();
  await pool.query(CREATE_SENT_LETTERS);
  const notes = async () => (await pool.query('SELECT id FROM shop.sent_letters')).rows;
  return { db, pool, notes: async () => (await notes()).map(({ id }) => id) };
}

/** The same handler, but the first attempt fails after its commit, as in a crash. */
function failingAfterwards(handler: TaskHandler<undefined>): TaskHandler<undefined> {
  return {
    ...handler,
    handle: async (task, context) => {
      await handler.handle(task, context);
      throw new Error('the process died');
    },
  };
}

/** The same handler, but the first attempt dies before its commit. */
function failingBefore(handler: TaskHandler<undefined>): TaskHandler<undefined> {
  return {
    ...handler,
    handle: (task, context) => {
      const complete: typeof context.complete = async (tx) => {
        await context.complete(tx);
        if (task.attempt === 1) throw new Error('the process died');
      };
      return handler.handle(task, { ...context, complete });
    },
  };
}

/** Runs a task of the handler's type until none is left, and returns its notes. */
async function notesAfter({ db, notes }: Shop, handler: TaskHandler<undefined>) {
  const clock = new FakeClock();
  const queue = new TaskQueue({ db, clock });
  await queue.enqueue([{ type: handler.type, id: 'to-ada' }]);
  const dispatcher = new Dispatcher({ queue, clock, handlers: [handler] });
  for (let round = 0; round < 3; round++) {
    await dispatcher.runOnce();
    clock.advance(3_600_000);
  }
  expect(await new TaskInspector({ db, clock }).list({ limit: 1 })).toEqual([]);
  return await notes();
}

const WAYS = [
  ['nothing goes wrong', (handler: TaskHandler<undefined>) => handler],
  ['it dies before the commit', failingBefore],
  ['it dies after the commit', failingAfterwards],
] as const;

describe.each(WAYS)('a letter is noted exactly once where %s', (_, way) => {
  test('on PGlite', async () => {
    const shop = await openOnPglite();
    expect(await notesAfter(shop, way(letterHandler(shop.db)))).toEqual(['to-ada']);
  });

  test.runIf(testPostgresUrl() !== '')('on PostgreSQL', async () => {
    const shop = await openOnPostgres();
    expect(await notesAfter(shop, way(letterHandler(shop.db)))).toEqual(['to-ada']);
  });

  test.runIf(testPostgresUrl() !== '')('in a transaction of our own', async () => {
    const shop = await openOnPostgres();
    expect(await notesAfter(shop, way(cardHandler(shop.pool)))).toEqual(['to-ada']);
  });
});
