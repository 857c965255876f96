import { PGlite } from '@electric-sql/pglite';
import { beforeAll, expect, test, vi } from 'vitest';
import { loadProtocol } from './open-instance.ts';
import { decodeRows } from './result-rows.ts';

let instance: PGlite;
const notices: (string | undefined)[] = [];

beforeAll(async () => {
  instance = await PGlite.create();
  decodeRows(instance, loadProtocol);
});

test('values come as they are stored: empty, NULL, of any script, with a mark in front', async () => {
  const values = ['', null, 'é', '世界', '👋', '\ufeffx', '\ufeff', 'a\ufeff'];
  const list = values.map((_, index) => `$${index + 1}::text AS c${index}`).join(', ');
  const { rows } = await instance.query(`SELECT ${list}`, values, { rowMode: 'array' });
  expect(rows).toEqual([values]);
});

test('a row does not cost an object for each of its values', async () => {
  const slice = vi.spyOn(ArrayBuffer.prototype, 'slice');
  const { rows } = await instance.query('SELECT i, i + 1 AS j FROM generate_series(1, 500) AS i');
  const count = slice.mock.calls.length;
  slice.mockRestore();
  expect(rows).toHaveLength(500);
  expect(rows[499]).toEqual({ i: 500, j: 501 });
  expect(count).toBeLessThan(100);
});

test('an error after some rows is thrown with its code, and the next query works', async () => {
  const failing = instance.query('SELECT 1 / (3 - i) FROM generate_series(1, 5) AS i');
  await expect(failing).rejects.toMatchObject({
    code: '22012',
    query: expect.stringContaining('SELECT 1'),
  });
  expect((await instance.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

test('notices and notifications still reach those that listen', async () => {
  const heard: string[] = [];
  const stop = await instance.listen('c', (payload) => void heard.push(payload));
  const onNotice = ({ message }: { message: string | undefined }): void =>
    void notices.push(message);
  await instance.query("DO $$ BEGIN RAISE NOTICE 'beware'; END $$", [], { onNotice });
  await instance.query("SELECT pg_notify('c', 'said')");
  await stop();
  expect(notices).toEqual(['beware']);
  expect(heard).toEqual(['said']);
});

test('changes are counted', async () => {
  await instance.exec('CREATE TABLE t (a int)');
  const { affectedRows, rows } = await instance.query(
    'INSERT INTO t SELECT generate_series(1, 3) RETURNING a',
  );
  expect([affectedRows, rows]).toEqual([3, [{ a: 1 }, { a: 2 }, { a: 3 }]]);
});
