/** An embedded database on a real disk that gets full. Skipped, aloud, where none can be mounted. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  mountSmallDisk,
  noSmallDiskBecause,
} from '../../../../../test/support/databases/small-disk.ts';
import { RecordingLog } from '../../../../../test/support/recording-log.ts';
import { int, text } from '../column.ts';
import type { Database } from '../database.ts';
import { sql } from '../sql.ts';
import { table } from '../table.ts';
import { openPglite } from './database.ts';
import { freeBytesOf } from './disk-room.ts';

const MB = 1024 * 1024;
const notes = table('notes', { id: int, note: text }, ['id']);
const full = { code: 'resource-exhausted', reason: 'disk-full' };

const missing = noSmallDiskBecause();
if (missing !== undefined)
  process.emitWarning(`SKIPPED: no disk can be mounted to be filled: ${missing}`);

async function openOn(disk: string) {
  const log = new RecordingLog();
  const db = await openPglite({ dataDir: join(disk, 'data'), log });
  onTestFinished(() => db.close());
  await db.migrate();
  await db.statement(
    sql`CREATE TABLE IF NOT EXISTS ${notes} (id bigint PRIMARY KEY, note text)`,
    {},
  );
  return { db, log, filler: join(disk, 'filler') };
}

/** Text that PostgreSQL cannot compress much. */
function incompressible(seed: number): string {
  let state = seed;
  return Array.from({ length: 10_000 }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state.toString(36).padStart(6, '0');
  }).join('');
}

/** Inserts notes until the database refuses; answers how many went in. */
async function fill(db: Database, first = 0): Promise<number> {
  for (let id = first; ; id += 1) {
    try {
      await db.write((tx) => tx.insert(notes, [{ id, note: incompressible(id) }]));
    } catch (error) {
      expect(error).toMatchObject(full);
      return id;
    }
  }
}

/**
 * Inserts rows that nobody has read since a checkpoint: their first reader notes on their pages that
 * they are committed, and writes each page to the log. Returns how many there are.
 */
async function insertUnread(db: Database): Promise<number> {
  const rows = 80_000;
  // In parts, as each checkpoint keeps files of the log for what is usually written between two.
  for (let first = 0; first < rows; first += 10_000) {
    await db.statement(
      sql`INSERT INTO ${notes} SELECT id, repeat('x', 150)
        FROM generate_series(${int(first)}, ${int(first + 9_999)}) id`,
      {},
    );
    await db.statement(sql`CHECKPOINT`, {});
  }
  return rows;
}

async function count(db: Database): Promise<number | undefined> {
  const [row] = await db.read((tx) =>
    tx.query(sql`SELECT count(*) AS n FROM ${notes}`, { n: int }),
  );
  return row?.n;
}

describe.skipIf(missing !== undefined)('on a disk that gets full', () => {
  test('writes are refused before its end, reads go on, and it recovers when there is room', async () => {
    const disk = await mountSmallDisk(90);
    const { db, log, filler } = await openOn(disk);
    const filled = 10 * MB;
    await writeFile(filler, Buffer.alloc(filled));
    const written = await fill(db);
    expect(freeBytesOf(disk)).toBeGreaterThan(10 * MB);
    await writeFile(filler, Buffer.alloc(filled + freeBytesOf(disk) - 9 * MB));
    const small = db.write((tx) => tx.insert(notes, [{ id: written, note: '' }]));
    await expect(small).rejects.toMatchObject(full);
    await expect(db.statement(sql`DELETE FROM ${notes}`, {})).rejects.toMatchObject(full);
    expect(await count(db)).toBe(written);
    expect(db.writesRefusedBecause?.()).toMatch(/^the disk is full \(9 MB left\)/);

    await rm(filler);
    expect(db.writesRefusedBecause?.()).toBeUndefined();
    const more = await fill(db, written);
    expect(more).toBeGreaterThan(written);
    expect(await count(db)).toBe(more);
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'the disk is nearly full; writes will be refused soon'],
      ['error', 'the disk is full; writes are refused'],
      ['info', 'the disk has room again; writes are accepted'],
    ]);
  });

  test('acknowledged rows are there after it is reopened, even while it is full', async () => {
    const disk = await mountSmallDisk(70);
    const { db } = await openOn(disk);
    const written = await fill(db);
    await db.close();
    const again = await openPglite({ dataDir: join(disk, 'data') });
    onTestFinished(() => again.close());
    expect(await count(again)).toBe(written);
  });

  test('a read whose log finds no room is refused with that reason, and later calls work when there is room', async () => {
    const disk = await mountSmallDisk(120);
    const { db, log, filler } = await openOn(disk);
    const written = await insertUnread(db);
    await writeFile(filler, Buffer.alloc(freeBytesOf(disk) - 2 * MB));
    await expect(count(db)).rejects.toMatchObject(full);
    await expect(count(db)).rejects.toMatchObject(full);
    const write = db.write((tx) => tx.insert(notes, [{ id: -1, note: '' }]));
    await expect(write).rejects.toMatchObject(full);
    await expect(db.checkSchema()).rejects.toMatchObject(full);

    await rm(filler);
    expect(await count(db)).toBe(written);
    await db.write((tx) => tx.insert(notes, [{ id: -1, note: '' }]));
    expect(await count(db)).toBe(written + 1);
    const told = log.lines.filter(({ message }) => /database stopped|recovered/.test(message));
    expect(told.map(({ level }) => level)).toEqual(['error', 'info']);
  });

  test('a statement that takes the whole reserve and more is refused, and nothing of it is kept', async () => {
    const disk = await mountSmallDisk(120);
    const { db, filler } = await openOn(disk);
    const written = await insertUnread(db);
    await writeFile(filler, Buffer.alloc(freeBytesOf(disk) - 10.5 * MB));
    await expect(db.statement(sql`DELETE FROM ${notes}`, {})).rejects.toMatchObject(full);
    await rm(filler);
    expect(await count(db)).toBe(written);
  });

  test('a migration is refused if there is no room for it', async () => {
    const disk = await mountSmallDisk(90);
    const db = await openPglite({ dataDir: join(disk, 'data') });
    onTestFinished(() => db.close());
    await writeFile(join(disk, 'filler'), Buffer.alloc(freeBytesOf(disk) - 9 * MB));
    await expect(db.migrate()).rejects.toMatchObject(full);
    await rm(join(disk, 'filler'));
    expect(await db.migrate()).not.toEqual([]);
  });

  test('it it can be closed while there is no room, and reopened when there is', async () => {
    const disk = await mountSmallDisk(120);
    const { db, filler } = await openOn(disk);
    const written = await insertUnread(db);
    await writeFile(filler, Buffer.alloc(freeBytesOf(disk) - 2 * MB));
    await expect(count(db)).rejects.toMatchObject(full);
    await db.close();
    await rm(filler);
    const again = await openPglite({ dataDir: join(disk, 'data') });
    onTestFinished(() => again.close());
    expect(await count(again)).toBe(written);
  });

  test('it is not opened if there is no room for it, and the error says so', async () => {
    const disk = await mountSmallDisk(20);
    await expect(openPglite({ dataDir: join(disk, 'data') })).rejects.toMatchObject({
      ...full,
      message: expect.stringMatching(/^the disk of .*data is full: \d+ MB are left/),
    });
  });
});

test('the write-ahead log does not grow with what is written', async () => {
  const db = await openPglite();
  onTestFinished(() => db.close());
  await db.migrate();
  await db.statement(sql`CREATE TABLE ${notes} (id bigint PRIMARY KEY, note text)`, {});
  const note = incompressible(1);
  for (let id = 0; id < 700; id += 100) {
    const rows = Array.from({ length: 100 }, (_, index) => ({ id: id + index, note }));
    await db.write((tx) => tx.insert(notes, rows));
  }
  const [row] = await db.read((tx) =>
    tx.query(sql`SELECT sum(size)::bigint AS bytes FROM pg_ls_waldir()`, { bytes: int }),
  );
  expect(row?.bytes).toBeLessThan(40 * MB);
});
