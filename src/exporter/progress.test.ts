import { expect, test } from 'vitest';
import { eachDatabase } from '../../test/support/databases/databases.ts';
import { beginAttempt, type Checkpoint, findProgress, saveProgress } from './progress.ts';
import { readRejectedRows } from './rejected-rows.ts';
import { TEST_RESULTS } from './rows/row-kind.ts';

const TABLE = { project: 'acme', dataset: 'tests', table: 'results' };
const NAMES = { table: TABLE, invocationId: 'a', index: 3, kind: TEST_RESULTS };
const EXPORT = { ...NAMES, fingerprint: 'f', attempt: 10 };
const RESULT = { parentId: 'a', testId: 't', resultId: '0' };
const BEGUN = { settled: undefined, rejected: 0, next: undefined, isDone: false };
const HALF: Checkpoint = {
  settled: { rows: 5, ...RESULT },
  rejected: 1,
  next: { stream: 's', offset: 4 },
  isDone: false,
};
const REJECTED = { row: 2, ...RESULT, reason: 'no' };

eachDatabase((open) => {
  test('a later attempt goes on where an earlier one had come to', async () => {
    const db = await open();
    expect(await beginAttempt(db, EXPORT)).toEqual(BEGUN);
    await saveProgress(db, EXPORT, HALF);
    expect(await beginAttempt(db, { ...EXPORT, attempt: 11 })).toEqual(HALF);
    expect(await findProgress(db, EXPORT)).toEqual(HALF);
  });

  test('an attempt writes nothing more once a later one has begun', async () => {
    const db = await open();
    await beginAttempt(db, EXPORT);
    await beginAttempt(db, { ...EXPORT, attempt: 11 });
    const lost = { code: 'lease-lost' };
    await expect(saveProgress(db, EXPORT, HALF)).rejects.toMatchObject(lost);
    await expect(beginAttempt(db, EXPORT)).rejects.toMatchObject(lost);
    expect(await findProgress(db, EXPORT)).toEqual(BEGUN);
  });

  test('what is done stays done, whichever attempt asks', async () => {
    const db = await open();
    await beginAttempt(db, EXPORT);
    const done = { ...HALF, next: undefined, isDone: true };
    await saveProgress(db, EXPORT, done);
    expect(await beginAttempt(db, { ...EXPORT, attempt: 9 })).toEqual(done);
  });

  test('rejected rows are read in the order of the export, page by page', async () => {
    const db = await open();
    await beginAttempt(db, EXPORT);
    const newlyRejected = [7, 2, 5].map((row) => ({ ...REJECTED, row }));
    await saveProgress(db, EXPORT, { ...HALF, newlyRejected });
    await saveProgress(db, EXPORT, { ...HALF, newlyRejected: [REJECTED] });
    const read = (from: number, limit: number) =>
      db.read((tx) => readRejectedRows(tx, EXPORT, { from, limit }));
    expect((await read(0, 2)).map(({ row }) => row)).toEqual([2, 5]);
    expect((await read(6, 2)).map(({ row }) => row)).toEqual([7]);
    expect(await read(0, 1)).toEqual([REJECTED]);
  });

  test('another invocation with the same id begins from the first row', async () => {
    const db = await open();
    await beginAttempt(db, EXPORT);
    await saveProgress(db, EXPORT, { ...HALF, newlyRejected: [REJECTED] });
    const other = { ...EXPORT, fingerprint: 'g', attempt: 11 };
    expect(await findProgress(db, other)).toBeUndefined();
    expect(await beginAttempt(db, other)).toEqual(BEGUN);
    expect(await db.read((tx) => readRejectedRows(tx, other, { limit: 9 }))).toEqual([]);
  });
});
