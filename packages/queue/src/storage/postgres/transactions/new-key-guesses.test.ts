import { expect, test } from 'vitest';
import { int } from '../../column.ts';
import { table } from '../../table.ts';
import { MIN_GUESSED_ROWS, NewKeyGuesses } from './new-key-guesses.ts';

const letters = table('letters', { id: int }, ['id']);
const others = table('others', { id: int }, ['id']);

test('small inserts are never guessed', () => {
  const guesses = new NewKeyGuesses();
  expect(guesses.areNew(letters, MIN_GUESSED_ROWS - 1)).toBe(false);
  expect(guesses.areNew(letters, MIN_GUESSED_ROWS)).toBe(true);
});

test('after wrong guesses there are none for 8, 16, … and at most 1,024 inserts', () => {
  const guesses = new NewKeyGuesses();
  const pauses = Array.from({ length: 10 }, () => {
    guesses.wasWrong(letters);
    return untilGuessed(guesses);
  });
  expect(pauses).toEqual([8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024]);
  guesses.wasRight(letters);
  expect(guesses.areNew(letters, 500)).toBe(true);
  guesses.wasWrong(letters);
  expect(untilGuessed(guesses)).toBe(8);
});

test('a wrong guess for one table says nothing of another', () => {
  const guesses = new NewKeyGuesses();
  guesses.wasWrong(letters);
  expect(guesses.areNew(others, 500)).toBe(true);
});

function untilGuessed(guesses: NewKeyGuesses): number {
  let refused = 0;
  while (!guesses.areNew(letters, 500)) refused += 1;
  return refused;
}
