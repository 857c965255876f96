import { expect, test } from 'vitest';
import { RecordingLog } from '../../../../../test/support/recording-log.ts';
import { DiskRoom } from './disk-room.ts';

const MB = 1024 * 1024;
const full = { code: 'resource-exhausted', reason: 'disk-full' };

function roomWith({ segmentMb = 1 } = {}) {
  const log = new RecordingLog();
  const disk = { freeMb: 1_000 };
  const room = new DiskRoom({
    folder: '/srv/data',
    segmentBytes: segmentMb * MB,
    log,
    freeBytes: () => disk.freeMb * MB,
  });
  return { room, log, disk };
}

function refusalOf(room: DiskRoom, bytes: number): unknown {
  try {
    room.require(bytes);
    return undefined;
  } catch (error) {
    return error;
  }
}

test('a large write needs more room than a small one', () => {
  const { room, disk } = roomWith();
  disk.freeMb = 20;
  expect(refusalOf(room, 1 * MB)).toBeUndefined();
  expect(refusalOf(room, 5 * MB)).toMatchObject(full);
  expect(refusalOf(room, 0)).toBeUndefined();
  expect(room.shortage()).toBeUndefined();
});

test('a log in large files needs a larger reserve', () => {
  const { room, disk } = roomWith({ segmentMb: 16 });
  disk.freeMb = 39;
  expect(refusalOf(room, 0)).toMatchObject(full);
  disk.freeMb = 40;
  expect(refusalOf(room, 0)).toBeUndefined();
});

test('each change is logged once', () => {
  const { room, log, disk } = roomWith();
  for (const freeMb of [1_000, 39, 38, 9, 8, 12, 500, 499, 5]) {
    disk.freeMb = freeMb;
    refusalOf(room, 0);
    refusalOf(room, 5 * MB);
  }
  expect(log.lines.map(({ level, fields }) => [level, fields.freeMb])).toEqual([
    ['warn', 39],
    ['error', 9],
    ['info', 12],
    ['error', 5],
  ]);
});
