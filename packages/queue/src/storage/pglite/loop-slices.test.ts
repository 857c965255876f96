import { expect, test } from 'vitest';
import type { Session } from '../postgres/session.ts';
import { LoopSlices, SLICE_MS } from './loop-slices.ts';

/** A session whose statements each take so long, by a clock of its own, and no turn of the event loop. */
function sessionOf(statementMs: number): Session {
  let now = 0;
  const take = async (): Promise<void> => {
    now += statementMs;
  };
  return new LoopSlices(() => now).of({
    run: async () => {
      await take();
      return { command: 'SELECT', fields: [], rows: [], count: 0 };
    },
    runScript: take,
  });
}

/** Counts the turns of the event loop while `work` runs. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await work();
  isDone = true;
  return turns;
}

test('a transaction of many statements lets the event loop turn after each slice', async () => {
  const session = sessionOf(SLICE_MS / 2);
  const turns = await turnsDuring(async () => {
    for (let number = 0; number < 40; number += 1) await session.run('SELECT 1');
  });
  expect(turns).toBeGreaterThanOrEqual(18);
});

test('scripts count as statements do', async () => {
  const session = sessionOf(SLICE_MS);
  const turns = await turnsDuring(async () => {
    for (let number = 0; number < 5; number += 1) await session.runScript('SELECT 1');
  });
  expect(turns).toBeGreaterThanOrEqual(4);
});

test('short statements follow one another', async () => {
  const session = sessionOf(0);
  const turns = await turnsDuring(async () => {
    for (let number = 0; number < 40; number += 1) await session.run('SELECT 1');
  });
  expect(turns).toBe(0);
});
