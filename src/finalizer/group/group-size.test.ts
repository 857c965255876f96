import { expect, test } from 'vitest';
import { GroupSize } from './group-size.ts';

test('halves with each conflict, down to one', () => {
  const size = new GroupSize();
  const sizes = Array.from({ length: 10 }, () => {
    size.conflicted(size.next);
    return size.next;
  });
  expect(sizes).toEqual([100, 50, 25, 12, 6, 3, 1, 1, 1, 1]);
});

test('grows again while groups of that size are decided', () => {
  const size = new GroupSize();
  size.conflicted(2);
  const sizes = Array.from({ length: 13 }, () => {
    size.succeeded(size.next);
    return size.next;
  });
  expect(sizes.slice(0, 4)).toEqual([2, 4, 8, 13]);
  expect(sizes.at(-1)).toBe(200);
});

test('does not grow by groups that were smaller for lack of tries', () => {
  const size = new GroupSize();
  size.conflicted(20);
  size.succeeded(9);
  expect(size.next).toBe(10);
});

test('is as small as a group that conflicted', () => {
  const size = new GroupSize();
  size.conflicted(8);
  expect(size.next).toBe(4);
});
