/** How many dead tasks there are of each type. It skips from type to type along the key. */
import { int, nullable, type Reader, raw, sql, text } from '@postlude/queue/storage';
import { deadTasks } from '@postlude/queue/tables';
import { MAX_COUNTED } from './bounds.ts';

const MAX_TYPES = 50;

/** Counts each type up to MAX_COUNTED. */
export async function countDeadTasks(reader: Reader): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  let type = await nextType(reader, '');
  while (type !== undefined && counts.size < MAX_TYPES) {
    counts.set(type, await countOf(reader, type));
    type = await nextType(reader, type);
  }
  return counts;
}

async function nextType(reader: Reader, after: string): Promise<string | undefined> {
  const [row] = await reader.query(
    sql`SELECT min(type) AS type FROM ${deadTasks} WHERE type > ${after}`,
    { type: nullable(text) },
  );
  return row?.type;
}

async function countOf(reader: Reader, type: string): Promise<number> {
  const [row] = await reader.query(
    sql`SELECT count(*) AS total FROM (SELECT id FROM ${deadTasks} WHERE type = ${type}
          ORDER BY id LIMIT ${raw(String(MAX_COUNTED))}) AS first_tasks`,
    { total: int },
  );
  return row?.total ?? 0;
}
