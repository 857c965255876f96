/** Transactions that users begin and end themselves, on clients of their own. */
import { fromPgliteTransaction } from '@postlude/queue/pglite';
import { fromPostgres, type UserTransaction } from '@postlude/queue/postgres';
import pg from 'pg';
import postgres from 'postgres';
import { onTestFinished } from 'vitest';
import { sharedPglite, testPostgresUrl } from './databases.ts';

/** Runs `fn` in a user's transaction: commits and reports that, or rolls back if `fn` throws. */
export type InTransaction = <T>(fn: (tx: UserTransaction) => Promise<T>) => Promise<T>;

export async function openPgTransactions(schema: string, begin = 'BEGIN'): Promise<InTransaction> {
  const client = new pg.Client({ connectionString: testPostgresUrl() });
  await client.connect();
  onTestFinished(() => client.end());
  return async (fn) => {
    await client.query(begin);
    try {
      const tx = fromPostgres(client, { schema });
      const value = await fn(tx);
      await client.query('COMMIT');
      await tx.committed();
      return value;
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    }
  };
}

export async function openPostgresJsTransactions(schema: string): Promise<InTransaction> {
  const client = postgres(testPostgresUrl(), { max: 1, onnotice: () => undefined });
  onTestFinished(() => client.end());
  return async <T>(fn: (tx: UserTransaction) => Promise<T>) => {
    const { value, tx } = await client.begin(async (inside) => {
      const tx = fromPostgres(inside, { schema });
      return { value: await fn(tx), tx };
    });
    await tx.committed();
    return value as T;
  };
}

export async function openPgliteTransactions(schema: string): Promise<InTransaction> {
  const instance = await sharedPglite();
  return async (fn) => {
    const { value, tx } = await instance.transaction(async (inside) => {
      const tx = fromPgliteTransaction(inside, { schema });
      return { value: await fn(tx), tx };
    });
    await tx.committed();
    return value;
  };
}
