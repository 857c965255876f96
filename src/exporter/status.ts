/** The status of an export, read from its task, or from the sink once the task is gone. */

import type { TaskInspector, TaskSummary } from '@postlude/queue';
import type { EpochMs } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { BigQueryExport } from '../gen/luci/resultdb/v1/invocation_pb.js';
import { isToBeSettled } from '../invocations/closed-sets.ts';
import type { Invocation } from '../invocations/invocation.ts';
import { digestDestination } from './destination-digest.ts';
import { identifyExport } from './exporter.ts';
import type { Receipt, Sink } from './sink.ts';
import { exportTaskName } from './task.ts';

export interface ExportStatusParts {
  readonly db: Pick<Database, 'read'>;
  readonly inspector: Pick<TaskInspector, 'find' | 'findDead'>;
  readonly sink: Pick<Sink, 'find'>;
}

/**
 * - `waiting`: the invocation is not FINALIZED.
 * - `pending`: its task is due, running or about to be enqueued; `reason` tells why the last
 *   attempt failed or was postponed, and `nextTryTime` when the next one is due, if that is to come.
 * - `done`: all rows are written, as the receipt says.
 * - `dead`: its task is dead, for `reason`.
 * - `absent`: nobody has asked for it, or its output has been removed.
 */
export type ExportStatus =
  | { readonly state: 'waiting' | 'absent' }
  | {
      readonly state: 'pending';
      readonly reason: string | undefined;
      readonly nextTryTime?: EpochMs;
    }
  | { readonly state: 'done'; readonly receipt: Receipt }
  | { readonly state: 'dead'; readonly reason: string };

/** The indexes of exports that the invocation was not created with begin here. */
const FIRST_FURTHER_INDEX = 1_000_000;
const FURTHER_INDEXES = 100_000_000;

export async function exportStatus(
  { db, inspector, sink }: ExportStatusParts,
  invocation: Invocation,
  wanted: {
    readonly index: number;
    readonly destination: BigQueryExport;
    /** 0 unless given; see export-requests.ts. */
    readonly generation?: number;
  },
): Promise<ExportStatus> {
  if (invocation.state !== 'FINALIZED') return { state: 'waiting' };
  const name = exportTaskName(invocation.id, wanted.index);
  const tasks = await db.read(async (tx) => ({
    living: await inspector.find(name, tx),
    dead: await inspector.findDead(name, tx),
    isToCome: await isToBeSettled(tx, invocation.id),
  }));
  if (tasks.living) return pendingOf(tasks.living);
  const receipt = await sink.find(identifyExport(invocation, wanted));
  if (receipt) return { state: 'done', receipt };
  if (tasks.dead) return { state: 'dead', reason: tasks.dead.reason };
  return tasks.isToCome ? { state: 'pending', reason: undefined } : { state: 'absent' };
}

function pendingOf({ lastError, processAfter, state }: TaskSummary): ExportStatus {
  const isScheduled = state === 'scheduled';
  const when = isScheduled ? { nextTryTime: processAfter } : {};
  return { state: 'pending', reason: lastError, ...when };
}

/** The same destination always has the same index, so that asking again starts no second export. */
export function furtherExportIndex(destination: BigQueryExport): number {
  const digest = digestDestination(destination).digest();
  return FIRST_FURTHER_INDEX + (digest.readUInt32BE(0) % FURTHER_INDEXES);
}
