/** The yardstick of exports: the driver's own stream of all test results, which does nothing with them. */
import pg from 'pg';

const PAGE_ROWS = 1_000;

/** Returns rows a second. All columns are read in the order of exports, as text, through one cursor. */
export async function streamRows(url: string, expected: number): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const startedAt = performance.now();
  await client.query('BEGIN READ ONLY');
  await client.query(`DECLARE results NO SCROLL CURSOR FOR
    SELECT * FROM bench.test_results ORDER BY invocation_id, test_id, result_id`);
  let rows = 0;
  for (let last = PAGE_ROWS; last === PAGE_ROWS; rows += last) {
    const page = await client.query({
      text: `FETCH ${PAGE_ROWS} FROM results`,
      rowMode: 'array',
      types: asText,
    });
    last = page.rows.length;
  }
  await client.query('COMMIT');
  const seconds = (performance.now() - startedAt) / 1000;
  await client.end();
  if (rows !== expected) throw new Error(`${rows} rows were streamed`);
  return Math.round(rows / seconds);
}

const asText = { getTypeParser: () => (value: string) => value };
