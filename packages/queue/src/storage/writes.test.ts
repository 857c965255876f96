import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytes, int, nullable, text } from './column.ts';
import { keyText } from './key.ts';
import { table } from './table.ts';
import { MAX_GROUP_ROWS, MAX_GROUP_SIZE, WriteBuffer, type WriteKind } from './writes.ts';

const a = table('a', { id: text, n: nullable(int), m: nullable(int) }, ['id']);
const b = table('b', { id: bytes }, ['id']);

function groupsOf(buffer: WriteBuffer): string[] {
  return buffer
    .groups()
    .map(
      ({ table, kind, properties, rows }) => `${kind} ${table.name} ${properties} ${rows.length}`,
    );
}

test('groups adjacent writes of one table and kind, and keeps the order of the groups', () => {
  const buffer = new WriteBuffer();
  buffer.add('insert', a, [{ id: '1' }, { id: '2' }]);
  buffer.add('insert', a, [{ id: '3' }]);
  buffer.add('delete', b, [{ id: new Uint8Array([1]) }]);
  buffer.add('insert', a, [{ id: '4' }]);
  expect(groupsOf(buffer)).toEqual(['insert a id,n,m 3', 'delete b id 1', 'insert a id,n,m 1']);
});

test('updates of different columns are different groups', () => {
  const buffer = new WriteBuffer();
  buffer.add('update', a, [
    { id: '1', n: 1 },
    { id: '2', n: undefined },
    { id: '3', m: 1 },
  ]);
  expect(groupsOf(buffer)).toEqual(['update a id,n 2', 'update a id,m 1']);
});

test('bounds the rows of a group', () => {
  const buffer = new WriteBuffer();
  const rows = Array.from({ length: MAX_GROUP_ROWS + 1 }, (_, index) => ({ id: String(index) }));
  buffer.add('insert', a, rows);
  expect(buffer.groups().map((group) => group.rows.length)).toEqual([MAX_GROUP_ROWS, 1]);
});

test('bounds the size of a group, and accepts a row of any size', () => {
  const buffer = new WriteBuffer();
  const half = 'x'.repeat(MAX_GROUP_SIZE / 2 - 100);
  buffer.add('insert', a, [{ id: half }, { id: half }, { id: half }]);
  buffer.add('insert', a, [{ id: 'x'.repeat(MAX_GROUP_SIZE * 2) }]);
  expect(buffer.groups().map((group) => group.rows.length)).toEqual([2, 1, 1]);
});

test('knows whether a key will have a row', () => {
  const buffer = new WriteBuffer();
  const row = { id: '1' };
  expect(buffer.stateOf(a, row)).toBe('unknown');
  buffer.add('insert', a, [row]);
  expect(buffer.stateOf(a, { id: '1', n: 5 })).toBe('present');
  buffer.add('delete', a, [row]);
  expect(buffer.stateOf(a, row)).toBe('absent');
  expect(buffer.stateOf(b, { id: new Uint8Array([1]) })).toBe('unknown');
});

test('distinguishes keys by their bytes, and lists by their elements', () => {
  const pair = table('pair', { x: text, y: text }, ['x', 'y']);
  expect(keyText(b, { id: new Uint8Array([1, 2]) })).toBe(keyText(b, { id: Buffer.from([1, 2]) }));
  expect(keyText(b, { id: new Uint8Array([1]) })).not.toBe(keyText(b, { id: new Uint8Array([2]) }));
  expect(keyText(pair, { x: 'a","b', y: '' })).not.toBe(keyText(pair, { x: 'a', y: 'b' }));
});

test('applying the groups in turn has the effect of the writes in turn', () => {
  const kinds = fc.constantFrom<WriteKind>('insert', 'update', 'upsert', 'delete');
  const write = fc.record({ kind: kinds, id: fc.constantFrom('1', '2', '3'), n: fc.integer() });
  fc.assert(
    fc.property(fc.array(write), (writes) => {
      const buffer = new WriteBuffer();
      for (const { kind, id, n } of writes) buffer.add(kind, a, [{ id, n }]);
      const groups = buffer.groups();
      const flat = groups.flatMap(({ kind, rows }) => rows.map((row) => ({ kind, ...row })));
      expect(flat).toEqual(writes);
      for (const { kind, rows } of groups) {
        if (kind === 'insert' || kind === 'delete') continue;
        expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length);
      }
    }),
  );
});
