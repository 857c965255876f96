/**
 * The task that scans one range of reminders for a distributed sweep. Its fields on the wire are those of
 * LUCI's SweepTask.
 */
import { CodedError } from '../../foundations/errors.ts';
import { type JsonValue, jsonPayload } from '../../tasks/payload.ts';
import { type TaskClass, taskClass } from '../classes/task-class.ts';
import { REMINDER_ID_LENGTH } from '../reminders/reminder.ts';
import { formatPartition, parsePartition } from './partition.ts';
import type { ScanLimits, SweepRange } from './scan.ts';

export interface SweepTask
  extends SweepRange,
    Pick<ScanLimits, 'tasksPerScan' | 'secondaryShards'> {
  /** Names the sweep: within it, two tasks for the same range are one task. */
  readonly round: string;
  /** Which of the ranges that the sweep began with contains the partition. */
  readonly shard: number;
  readonly shards: number;
  /** The section of leases that the task respects: that of its shard, in all sweeps and at all levels. */
  readonly section: string;
}

export type SweepTaskClass = TaskClass<SweepTask>;

const KEY_SPACE_BYTES = REMINDER_ID_LENGTH / 2;
const STORE = 'sql';

export const sweepTaskPayload = jsonPayload<SweepTask>({
  toJson: (task) => ({
    db: STORE,
    partition: formatPartition(task.partition),
    lessorId: STORE,
    leaseSectionId: task.section,
    shardCount: task.shards,
    shardIndex: task.shard,
    level: task.level,
    keySpaceBytes: KEY_SPACE_BYTES,
    tasksPerScan: task.tasksPerScan,
    secondaryScanShards: task.secondaryShards,
    round: task.round,
  }),
  fromJson: decodeSweepTask,
});

/** Returns the class of these tasks. Register it beside your own classes; DistributedSweep handles it. */
export function sweepTaskClass(
  where: Pick<SweepTaskClass, 'queue' | 'routingPrefix' | 'targetHost'>,
): SweepTaskClass {
  const fixed = { id: 'tq-sweep', kind: 'non-transactional', quiet: true } as const;
  return taskClass({ ...where, ...fixed, payload: sweepTaskPayload });
}

/** Returns the section of a shard. It contains the number of shards, as the ranges depend on it. */
export function sectionOf(shard: number, shards: number): string {
  return `${STORE}_${shard}_${shards}`;
}

type Fields = Readonly<Record<string, unknown>>;

function decodeSweepTask(json: JsonValue): SweepTask {
  if (typeof json !== 'object' || json === null) throw wrong('it is not an object');
  const fields: Fields = { ...json };
  if (countOf(fields, 'keySpaceBytes') !== KEY_SPACE_BYTES) {
    throw wrong(`keySpaceBytes must be ${KEY_SPACE_BYTES}`);
  }
  return {
    partition: parsePartition(textOf(fields, 'partition')),
    level: countOf(fields, 'level'),
    shard: countOf(fields, 'shardIndex'),
    shards: positiveOf(fields, 'shardCount'),
    section: textOf(fields, 'leaseSectionId'),
    round: textOf(fields, 'round'),
    tasksPerScan: positiveOf(fields, 'tasksPerScan'),
    secondaryShards: positiveOf(fields, 'secondaryScanShards'),
  };
}

/** A missing field has its default value, as in the JSON of every protobuf message. */
function textOf(fields: Fields, key: string): string {
  const value = fields[key] ?? '';
  if (typeof value === 'string') return value;
  throw wrong(`${key} is not a string`);
}

function countOf(fields: Fields, key: string): number {
  const value = fields[key] ?? 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw wrong(`${key} is not a whole number, 0 or more`);
}

function positiveOf(fields: Fields, key: string): number {
  const value = countOf(fields, key);
  if (value > 0) return value;
  throw wrong(`${key} must be 1 or more`);
}

function wrong(reason: string): CodedError {
  return new CodedError('invalid-argument', `not the task of a sweep: ${reason}`);
}
