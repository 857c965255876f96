import { expect, test } from 'vitest';
import { BodyBudget } from './body-budget.ts';

const REFUSED = expect.objectContaining({ code: 'unavailable' });

const open = () => new BodyBudget({ maxBytes: 100, maxBytesPerConnection: 60 });

function from(party: string) {
  return { connection: {}, party: () => party };
}

test('one connection holds no more than its share, however many bodies it sends', () => {
  const budget = open();
  const owner = from('a');
  for (let each = 0; each < 6; each++) budget.open(owner).hold(10);
  const grows = budget.open(from('a'));
  grows.hold(30);
  expect(() => budget.open(owner).hold(1)).toThrow(REFUSED);
  expect(() => grows.hold(31)).toThrow(REFUSED);
  expect(budget.heldBytes).toBe(60);
});

test('the party that holds most gives up its largest body for another one', async () => {
  const budget = open();
  const [small, large] = [budget.open(from('a')), budget.open(from('a'))];
  small.hold(30);
  large.hold(40);
  budget.open(from('b')).hold(35);
  await expect(large.refused).rejects.toEqual(REFUSED);
  expect(budget.heldBytes).toBe(65);
});

test('a body that would be the largest of the party that holds most is refused itself', () => {
  const budget = open();
  budget.open(from('b')).hold(45);
  expect(() => budget.open(from('a')).hold(56)).toThrow(REFUSED);
  expect(budget.heldBytes).toBe(45);
});

test('what is released can be used again, and is not released twice', () => {
  const budget = open();
  const body = budget.open(from('a'));
  body.hold(60);
  body.release();
  body.release();
  expect(budget.heldBytes).toBe(0);
  budget.open(from('a')).hold(60);
});
