/**
 * Letters, each of which is noted in a table of ours. The note and the completion of the task commit
 * together, so each letter is noted exactly once, whenever a process dies. It is done in two ways: in a
 * transaction of postlude's, on any database, which runs again by itself if the database aborts it; and
 * in a transaction of our own, with the driver `pg`.
 */

import { type Database, noPayload, type TaskHandler, taskType } from '@postlude/queue';
import { fromPostgres } from '@postlude/queue/postgres';
import { table, text, timestamp } from '@postlude/queue/storage';
import type pg from 'pg';

export const LETTER = taskType('letter', noPayload);
export const CARD = taskType('card', noPayload);

export const CREATE_SENT_LETTERS = `
  CREATE SCHEMA shop;
  CREATE TABLE shop.sent_letters (id text NOT NULL, sent_at timestamptz NOT NULL)`;

/** Our table, as we created it. Exactly-once needs no unique key in it. */
const sentLetters = table('shop.sent_letters', { id: text, sentAt: timestamp }, ['id']);

/** Works on PostgreSQL, PGlite and Spanner. */
export function letterHandler(db: Database): TaskHandler<undefined> {
  return {
    type: LETTER,
    handle: async (task, { complete }) => {
      await db.write(async (tx) => {
        await tx.insert(sentLetters, [{ id: task.id, sentAt: Date.now() }]);
        await complete(tx); // with the note, or not at all
      });
    },
  };
}

/** Works on PostgreSQL, with our own SQL. */
export function cardHandler(pool: pg.Pool): TaskHandler<undefined> {
  return {
    type: CARD,
    handle: async (task, { complete }) => {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await client.query('INSERT INTO shop.sent_letters VALUES ($1, now())', [task.id]);
        const tx = fromPostgres(client);
        await complete(tx); // throws if another attempt has begun
        await client.query('COMMIT');
        await tx.committed();
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
  };
}
