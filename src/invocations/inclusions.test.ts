import type { Database } from '@postlude/queue/storage';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../test/support/databases/databases.ts';
import { invocationId, newInvocation } from '../../test/support/invocations/fixtures.ts';
import type { InvocationId } from './id.ts';
import {
  includedPage,
  includeInvocations,
  includersPage,
  readIncluded,
  readIncludingNothing,
  removeInclusions,
} from './inclusions.ts';
import { insertInvocations } from './invocations.ts';

const [A, B, C] = [invocationId('a'), invocationId('b'), invocationId('c')];

async function insert(db: Database, ids: readonly string[]): Promise<void> {
  await db.write((tx) =>
    insertInvocations(
      tx,
      ids.map((id) => newInvocation(id)),
    ),
  );
}

function include(db: Database, id: InvocationId, included: readonly InvocationId[]) {
  return db.write((tx) => includeInvocations(tx, id, included));
}

eachDatabase((open) => {
  test('refuses to include an invocation that does not exist, and then includes nothing', async () => {
    const db = await open();
    await insert(db, ['a', 'b']);
    await expect(include(db, A, [B, C])).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('invocations/c'),
    });
    expect(await db.read((reader) => readIncluded(reader, A))).toEqual([]);
  });

  test('including again changes nothing', async () => {
    const db = await open();
    await insert(db, ['a', 'b', 'c']);
    await include(db, A, [C, B, B]);
    await include(db, A, [B]);
    expect(await db.read((reader) => readIncluded(reader, A))).toEqual([B, C]);
  });

  test('removes inclusions, and ignores missing ones', async () => {
    const db = await open();
    await insert(db, ['a', 'b', 'c']);
    await include(db, A, [B]);
    await db.write((tx) => removeInclusions(tx, A, [B, C]));
    expect(await db.read((reader) => readIncluded(reader, A))).toEqual([]);
  });

  test('finds the invocations that include nothing if others include many', async () => {
    const db = await open();
    const many = Array.from({ length: 500 }, (_, number) => `m${number}`);
    await insert(db, ['a', 'b', 'c', ...many]);
    await include(db, A, [B]);
    const nothing = (...ids: InvocationId[]) =>
      db.read((reader) => readIncludingNothing(reader, ids)).then((found) => found.sort());
    expect(await nothing(A, B, C)).toEqual([B, C]);
    await include(db, A, many.map(invocationId));
    for (const each of await nothing(A, B, C)) expect([B, C]).toContain(each);
  });

  test('pages through what an invocation includes, and no further', async () => {
    const db = await open();
    const names = Array.from({ length: 7 }, (_, index) => `n${index}`);
    await insert(db, ['a', 'b', ...names]);
    await include(db, A, names.map(invocationId));
    await include(db, B, [A]);
    const found: InvocationId[] = [];
    for (let after: InvocationId | undefined, size = 3; size === 3; after = found.at(-1)) {
      const page = await db.read((reader) => includedPage(reader, A, { after, limit: 3 }));
      size = page.length;
      found.push(...page);
    }
    expect(found.toSorted()).toEqual(names);
  });

  test('pages through those that include an invocation', async () => {
    const db = await open();
    await insert(db, ['a', 'b', 'c']);
    for (const id of [A, B]) await include(db, id, [C]);
    const first = await db.read((reader) => includersPage(reader, C, { limit: 1 }));
    const rest = await db.read((reader) => includersPage(reader, C, { after: first[0], limit: 9 }));
    expect([...first, ...rest].toSorted()).toEqual([A, B]);
  });
});
