/**
 * The bare loop beside an upload: upserts of 500 rows, one after another, each a transaction of its own, by a
 * prepared statement of the driver that postlude uses. The rows are those that the upload has just written,
 * in the order in which it wrote them, and the table has the same columns, checks and indexes.
 */
import pg from 'pg';

const BATCH_ROWS = 500;
const KEY = ['invocation_id', 'test_id', 'result_id'];
/** Rows are read in text form, and written as they were read. */
const asText = { getTypeParser: () => (text: string) => text };

type Row = readonly (string | null)[];

interface Column {
  readonly name: string;
  readonly type: string;
}

export interface BareUpserts {
  /** Upserts the rows of an invocation into the copy of the table, and returns how many a second. */
  rate(rowId: string): Promise<number>;
  /** Returns the row id of the invocation whose results were written last. */
  newestInvocation(): Promise<string>;
  close(): Promise<void>;
}

/** `url` is a server on which an upload has written results. */
export async function openBareUpserts(url: string): Promise<BareUpserts> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ schema: string }>(
    `SELECT schemaname AS schema FROM pg_tables WHERE tablename = 'test_results'`,
  );
  const source = `"${rows[0]?.schema}".test_results`;
  await client.query(`CREATE TABLE bare_results (LIKE ${source} INCLUDING ALL)`);
  const columns = await columnsOf(client);
  const text = upsertText(columns);
  return {
    close: () => client.end(),
    async newestInvocation() {
      const newest = `SELECT invocation_id AS id FROM ${source} ORDER BY ctid DESC LIMIT 1`;
      return (await client.query<{ id: string }>(newest)).rows[0]?.id ?? '';
    },
    async rate(rowId) {
      const query = `SELECT * FROM ${source} WHERE invocation_id = $1 ORDER BY ctid`;
      const read = { text: query, values: [rowId], rowMode: 'array', types: asText } as const;
      const found = (await client.query<(string | null)[]>(read)).rows;
      const startedAt = performance.now();
      for (let first = 0; first < found.length; first += BATCH_ROWS) {
        const batch = found.slice(first, first + BATCH_ROWS);
        await client.query({ name: 'bare', text, values: arraysOf(batch, columns) });
      }
      return (found.length / (performance.now() - startedAt)) * 1000;
    },
  };
}

async function columnsOf(client: pg.Client): Promise<Column[]> {
  const { rows } = await client.query<Column>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
      WHERE attrelid = 'bare_results'::regclass AND attnum > 0 ORDER BY attnum`,
  );
  return rows;
}

/** Arrays of arrays must be rectangular, so the values of array columns travel as text. */
function upsertText(columns: readonly Column[]): string {
  const names = columns.map(({ name }) => name).join(', ');
  const arrays = columns.map(
    ({ type }, index) => `$${index + 1}::${type.endsWith('[]') ? 'text' : type}[]`,
  );
  const selected = columns.map(({ name, type }) => `v.${name}::${type}`).join(', ');
  const assignments = columns
    .filter(({ name }) => !KEY.includes(name))
    .map(({ name }) => `${name} = excluded.${name}`);
  return `INSERT INTO bare_results (${names})
    SELECT ${selected} FROM unnest(${arrays.join(', ')}) AS v(${names})
    ON CONFLICT (${KEY.join(', ')}) DO UPDATE SET ${assignments.join(', ')}`;
}

function arraysOf(rows: readonly Row[], columns: readonly Column[]): (string | null)[][] {
  return columns.map((_, index) => rows.map((row) => row[index] ?? null));
}
