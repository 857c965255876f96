import { expect, test } from 'vitest';
import { int } from '../column.ts';
import { sql } from '../sql.ts';
import { SessionReader } from './reader.ts';
import type { Session } from './session.ts';

/** A session whose cursor has endless rows of so many characters each. */
function endlessSession(characters: number) {
  const statements: string[] = [];
  const pages: number[] = [];
  const session: Session = {
    async run(text) {
      statements.push(text.split(' ')[0] ?? '');
      const size = Number(/^FETCH (\d+)/.exec(text)?.[1] ?? 0);
      if (size > 0) pages.push(size);
      const cell = '1'.padStart(characters, '0');
      return { command: '', fields: ['n'], rows: Array(size).fill([cell]), count: size };
    },
    runScript: async () => undefined,
  };
  return { session, statements, pages };
}

async function readRows(session: Session, count: number): Promise<void> {
  let seen = 0;
  const reader = new SessionReader(session, 'postlude');
  for await (const _ of reader.stream(sql`SELECT n FROM x`, { n: int })) {
    seen += 1;
    if (seen === count) break;
  }
}

test('fetches small pages first, and large ones for readers that continue', async () => {
  const { session, pages } = endlessSession(10);
  await readRows(session, 1);
  expect(pages).toEqual([100]);
  await readRows(session, 3000);
  expect(pages.slice(1)).toEqual([100, 1000, 1000, 1000]);
});

test('fetches fewer rows if they are wide, down to one', async () => {
  const wide = endlessSession(25_000);
  await readRows(wide.session, 130);
  expect(wide.pages).toEqual([100, 10, 10, 10]);
  const huge = endlessSession(3_000_000);
  await readRows(huge.session, 102);
  expect(huge.pages).toEqual([100, 1, 1]);
});

test('closes the cursor when its reader leaves, and only then', async () => {
  const { session, statements } = endlessSession(1);
  await readRows(session, 3);
  expect(statements).toEqual(['DECLARE', 'FETCH', 'CLOSE']);
});
