import { expect, test } from 'vitest';
import { eachDatabase } from '../../testing/databases.ts';
import {
  bytes,
  bytesArray,
  int,
  intArray,
  nullable,
  text,
  textArray,
  timestamp,
} from '../column.ts';
import { sql } from '../sql.ts';
import { table } from '../table.ts';

const t = table(
  'things',
  {
    id: text,
    n: nullable(int),
    at: nullable(timestamp),
    tags: nullable(textArray),
    b: nullable(bytes),
    bs: nullable(bytesArray),
    ns: nullable(intArray),
  },
  ['id'],
);

eachDatabase((open) => {
  test('smoke', async () => {
    const db = await open();
    await db.statement(
      sql`CREATE TABLE ${t} (id text primary key, n bigint, at timestamptz, tags text[], b bytea, bs bytea[], ns bigint[])`,
      {},
    );
    const row = {
      id: 'a"\\{}é',
      n: 7,
      at: 1767323045123.456,
      tags: ['x', '', 'NULL', 'a,b', '"'],
      b: new Uint8Array([0, 255]),
      bs: [new Uint8Array([1])],
      ns: [],
    };
    await db.write((tx) => tx.insert(t, [row, { id: 'b' }]));
    await db.write((tx) => tx.update(t, [{ id: 'b', n: 3 }]));
    expect(
      await db.write((tx) => tx.insertNew(t, [{ id: 'b' }, { id: 'c' }, { id: 'c' }])),
    ).toEqual([{ id: 'c' }]);
    const rows = await db.read((tx) => tx.query(sql`SELECT * FROM ${t} ORDER BY id`, t.columns));
    expect(rows[0]).toEqual(row);
    expect(rows.length).toBe(3);
    const ids: string[] = [];
    await db.read(async (tx) => {
      for await (const r of tx.stream(sql`SELECT id FROM ${t} WHERE id > ${''}`, { id: text }))
        ids.push(r.id);
    });
    expect(ids.length).toBe(3);
    await expect(db.write((tx) => tx.insert(t, [{ id: 'b' }]))).rejects.toMatchObject({
      code: 'already-exists',
    });
    await expect(db.write((tx) => tx.update(t, [{ id: 'zz', n: 1 }]))).rejects.toMatchObject({
      code: 'not-found',
    });
    await db.write((tx) => tx.delete(t, [{ id: 'c' }]));
  });
});
