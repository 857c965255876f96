import { expect, test } from 'vitest';
import { openTestPglite } from '../../../../test/support/databases/databases.ts';
import { text } from '../storage/column.ts';
import type { Database } from '../storage/database.ts';
import { sql } from '../storage/sql.ts';
import { table } from '../storage/table.ts';
import { CrashError, Faults, forEachCrash } from './faults.ts';

const notes = table('notes', { id: text }, ['id']);

async function openNotes(): Promise<Database> {
  const db = await openTestPglite({ migrated: false });
  await db.migrate();
  await db.statement(sql`CREATE TABLE ${notes} (id text PRIMARY KEY)`, {});
  return db;
}

const noteIds = async (db: Database): Promise<string[]> =>
  (await db.read((tx) => tx.query(sql`SELECT id FROM ${notes} ORDER BY id`, notes.columns))).map(
    ({ id }) => id,
  );

async function twoWrites(db: Database): Promise<void> {
  await db.write((tx) => tx.insert(notes, [{ id: 'a' }]));
  await db.write(async (tx) => {
    await tx.query(sql`SELECT id FROM ${notes}`, notes.columns);
    await tx.insert(notes, [{ id: 'b' }]);
  });
}

test('visits each step, before and after, and ends', async () => {
  const seen: string[] = [];
  const steps = await forEachCrash(async (faults) => {
    const db = await openNotes();
    await faults.run(() => twoWrites(faults.wrap(db)));
    if (faults.hasCrashed) seen.push((await noteIds(db)).join(''));
  });
  // insert, commit, query, insert, commit; each before and after
  expect(steps).toBe(5);
  expect(seen).toEqual(['', '', '', 'a', 'a', 'a', 'a', 'a', 'a', 'ab']);
});

test('visits only what others can see, if asked to', async () => {
  const seen: string[] = [];
  const scenario = async (faults: Faults) => {
    const db = await openNotes();
    await faults.run(() => twoWrites(faults.wrap(db)));
    if (faults.hasCrashed) seen.push((await noteIds(db)).join(''));
  };
  expect(await forEachCrash(scenario, { at: 'effects' })).toBe(2);
  expect(seen).toEqual(['', 'a', 'a', 'ab']);
});

test('a process that died no longer reaches the database, and calls nothing back', async () => {
  const db = await openNotes();
  const faults = new Faults({ step: 2, when: 'after' });
  const wrapped = faults.wrap(db);
  const calls: string[] = [];
  const write = wrapped.write(async (tx) => {
    tx.afterCommit(() => void calls.push('called'));
    await tx.insert(notes, [{ id: 'a' }]);
  });
  await expect(write).rejects.toThrow(CrashError);
  await expect(twoWrites(wrapped)).rejects.toThrow(CrashError);
  expect(await noteIds(db)).toEqual(['a']);
  expect(calls).toEqual([]);
});

test('errors other than the crash are thrown, with the step that was to crash', async () => {
  await expect(new Faults().run(() => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
  await expect(forEachCrash(() => Promise.reject(new Error('a bug')))).rejects.toThrow(
    'with a crash before step 1',
  );
});
