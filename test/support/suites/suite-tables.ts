/** The tables of the conformance suite, and the operations that many of its tests share. */

import {
  bool,
  bytes,
  bytesArray,
  type Database,
  float,
  index,
  int,
  intArray,
  nullable,
  type Row,
  sql,
  table,
  text,
  textArray,
  timestamp,
} from '@postlude/queue/storage';

/** A table with a column of each kind, all nullable except the key. */
export const values = table(
  'suite_values',
  {
    id: text,
    aText: nullable(text),
    anInt: nullable(int),
    aFloat: nullable(float),
    aBool: nullable(bool),
    someBytes: nullable(bytes),
    aTime: nullable(timestamp),
    texts: nullable(textArray),
    ints: nullable(intArray),
    blobs: nullable(bytesArray),
  },
  ['id'],
);

/** A table with a key of two columns. */
export const accounts = table(
  'suite_accounts',
  { owner: text, number: int, balance: int, note: nullable(text) },
  ['owner', 'number'],
);

/** A separate table, as indexes make large numbers of writes slow on the emulator. */
export const notes = table('suite_notes', { owner: text, number: int, note: nullable(text) }, [
  'owner',
  'number',
]);

/** An index that leaves out rows without a note. */
export const notesByText = index('suite_notes_by_text', notes, ['note', 'owner', 'number']);

export type Account = Row<typeof accounts>;

/** Opens a database whose schema has the tables of the suite. */
export type OpenSuiteDatabase = (options?: { readonly schema?: string }) => Promise<Database>;

export const balanceOf = async (db: Database, owner: string): Promise<number | undefined> => {
  const query = sql`SELECT balance FROM ${accounts} WHERE owner = ${owner} AND number = ${1}`;
  const rows = await db.read((tx) => tx.query(query, { balance: int }));
  return rows[0]?.balance;
};

export const allAccounts = (db: Database): Promise<Account[]> =>
  db.read((tx) =>
    tx.query(
      sql`SELECT owner, number, balance, note FROM ${accounts} ORDER BY owner, number`,
      accounts.columns,
    ),
  );

/** Makes the first `count` callers wait for each other. Later calls return at once. */
export function barrier(count: number): () => Promise<void> {
  let missing = count;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return async () => {
    missing -= 1;
    if (missing <= 0) open();
    await opened;
  };
}
