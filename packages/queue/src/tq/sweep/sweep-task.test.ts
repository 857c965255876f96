import { expect, test } from 'vitest';
import type { JsonValue } from '../../tasks/payload.ts';
import { type SweepTask, sectionOf, sweepTaskPayload } from './sweep-task.ts';

const task: SweepTask = {
  partition: { low: 16n, high: 256n },
  level: 1,
  round: '29454423',
  shard: 3,
  shards: 16,
  section: sectionOf(3, 16),
  tasksPerScan: 2048,
  secondaryShards: 4,
};
const wire = {
  db: 'sql',
  partition: '10_100',
  lessorId: 'sql',
  leaseSectionId: 'sql_3_16',
  shardCount: 16,
  shardIndex: 3,
  level: 1,
  keySpaceBytes: 16,
  tasksPerScan: 2048,
  secondaryScanShards: 4,
  round: '29454423',
};

test('a task has the fields of LUCI on the wire', () => {
  expect(sweepTaskPayload.toJson(task)).toEqual(wire);
});

test('a task comes back as it was', async () => {
  expect(await sweepTaskPayload.fromJson(wire)).toEqual(task);
});

test('a task may lack fields that are zero, and have fields that are not known here', async () => {
  const { level: _, shardIndex: __, ...rest } = wire;
  expect(await sweepTaskPayload.fromJson({ ...rest, color: 'red' })).toEqual({
    ...task,
    level: 0,
    shard: 0,
  });
});

test.each<[string, JsonValue]>([
  ['it is not an object', null],
  ['it is not an object', 'text'],
  ['keySpaceBytes must be 16', {}],
  ['keySpaceBytes must be 16', { ...wire, keySpaceBytes: 8 }],
  ['not a range', { ...wire, partition: '10' }],
  ['partition is not a string', { ...wire, partition: 10 }],
  ['level is not a whole number', { ...wire, level: -1 }],
  ['level is not a whole number', { ...wire, level: 0.5 }],
  ['shardIndex is not a whole number', { ...wire, shardIndex: '3' }],
  ['shardCount must be 1 or more', { ...wire, shardCount: 0 }],
  ['tasksPerScan must be 1 or more', { ...wire, tasksPerScan: 0 }],
  ['secondaryScanShards must be 1 or more', { ...wire, secondaryScanShards: 0 }],
])('a task is refused: %s', (reason, json) => {
  expect(() => sweepTaskPayload.fromJson(json)).toThrow(reason);
});
