/**
 * The least that a queue must do, on the same table with the same driver: one statement that inserts a batch,
 * and loops that lease a batch and delete it, without fences.
 */
import { openPostgres } from '@postlude/queue/postgres';
import pg from 'pg';
import { BATCH, type Contender, Countdown } from './contender.ts';
import { openPool } from './pool.ts';

export async function openBareSql(url: string, loops: 1 | 2): Promise<Contender> {
  const schema = `bare_${loops}`;
  await makeTable(url, schema);
  const pool = openPool(url);
  let added = 0;
  return {
    name: loops === 1 ? 'bare_loop' : 'two_bare_loops',
    configuration: `${loops} × UPDATE … SKIP LOCKED and DELETE of ${BATCH}; INSERT … SELECT unnest`,
    empty: async () => void (await pool.query(`TRUNCATE ${schema}.tasks`)),
    analyze: async () => void (await pool.query(`ANALYZE ${schema}.tasks`)),
    async add(count) {
      const first = added;
      added += count;
      const ids = Array.from({ length: count }, (_, index) => idOf(first + index));
      await pool.query({ name: 'insert', text: insert(schema), values: [ids] });
    },
    async waiting() {
      const { rows } = await pool.query(`SELECT count(*)::int AS tasks FROM ${schema}.tasks`);
      return rows[0].tasks;
    },
    async process(count) {
      const countdown = new Countdown(count);
      await Promise.all(Array.from({ length: loops }, () => loop(url, schema, countdown)));
      return countdown.end();
    },
    close: () => pool.end(),
  };
}

/** The table of postlude, with its indexes, in a schema of its own. */
async function makeTable(url: string, schema: string): Promise<void> {
  const db = await openPostgres({ url, schema });
  await db.migrate();
  await db.close();
}

function idOf(number: number): string {
  return `${number % 97}:task-${number}`;
}

function insert(schema: string): string {
  return `INSERT INTO ${schema}.tasks (type, id, create_time, process_after, attempt, fence)
    SELECT 'bench', id, now(), now(), 0, 0 FROM unnest($1::text[]) AS id`;
}

async function loop(url: string, schema: string, countdown: Countdown): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  while (!countdown.isOver) {
    const { rows } = await client.query({
      name: 'lease',
      text: `UPDATE ${schema}.tasks
        SET attempt = attempt + 1, lease_until = now() + interval '1 minute'
        WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${schema}.tasks
          WHERE type = 'bench' AND process_after <= now()
            AND (lease_until IS NULL OR lease_until <= now())
          ORDER BY process_after, id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)) RETURNING id`,
    });
    if (rows.length === 0) break;
    countdown.handled(rows.length);
    await client.query({
      name: 'delete',
      text: `DELETE FROM ${schema}.tasks WHERE type = 'bench' AND id = ANY($1)`,
      values: [rows.map((row) => row.id)],
    });
  }
  await client.end();
}
