import { expect, test } from 'vitest';
import { int, nullable, text } from './column.ts';
import { mutationsOfRow } from './mutation-count.ts';
import { table, withIndexes } from './table.ts';

const notes = withIndexes(
  table('notes', { id: text, owner: nullable(text), size: int, words: text }, ['id']),
  [
    ['owner', 'id'],
    ['size', 'id', 'words'],
  ],
);

test('a new row counts its cells, and those of each index', () => {
  const all = Object.keys(notes.columns);
  expect(mutationsOfRow(notes, 'insert', all)).toBe(4 + (1 + 2) + (1 + 3));
  expect(mutationsOfRow(notes, 'upsert', all)).toBe(11);
});

test('an update counts the cells that it gives, and the indexes that hold one of them', () => {
  expect(mutationsOfRow(notes, 'update', ['id', 'owner'])).toBe(2 + (1 + 2));
  expect(mutationsOfRow(notes, 'update', ['id', 'words'])).toBe(2 + (1 + 3));
});

test('a row to delete counts once, and once for each index', () => {
  expect(mutationsOfRow(notes, 'delete', ['id'])).toBe(3);
});
