import { expect, test } from 'vitest';
import { DelayedBegin } from './delayed-begin.ts';

function openBegin() {
  const sent: string[] = [];
  const stream = { cork: () => sent.push('cork'), uncork: () => sent.push('uncork') };
  const begin = new DelayedBegin({ connection: { stream } });
  return { begin, sent };
}

test('BEGIN waits for the first statement, and shares its packet', async () => {
  const { begin, sent } = openBegin();
  const begun = begin.delay(async () => void sent.push('BEGIN'));
  expect(sent).toEqual([]);
  for (const statement of ['first', 'second']) {
    begin.send();
    sent.push(statement);
  }
  await begun;
  await new Promise(setImmediate);
  expect(sent).toEqual(['cork', 'BEGIN', 'first', 'second', 'uncork']);
});

test('a BEGIN that fails does so for those who wait for it', async () => {
  const { begin, sent } = openBegin();
  const begun = begin.delay(() => Promise.reject(new Error('shutting down')));
  begin.send();
  await expect(begun).rejects.toThrow('shutting down');
  begin.send();
  await new Promise(setImmediate);
  expect(sent).toEqual(['cork', 'uncork']);
});
