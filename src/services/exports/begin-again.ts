/** Begins the next generation of an export, in the caller's transaction. */
import type { TaskQueue } from '@postlude/queue';
import type { EpochMs } from '@postlude/queue/foundations';
import type { Transaction } from '@postlude/queue/storage';
import {
  type ExportAsked,
  readExportRequest,
  writeExportRequest,
} from '../../exporter/export-requests.ts';
import { enqueueBigQueryExport } from '../../exporter/task.ts';
import type { InvocationId } from '../../invocations/id.ts';

export interface NextGeneration {
  readonly invocationId: InvocationId;
  readonly wanted: ExportAsked;
  readonly requestTime: EpochMs;
  /** A request that has begun the newest generation begins none when it is repeated. */
  readonly requestId?: string | undefined;
}

/**
 * Returns whether the export begins again. It does not if it is still to be done: while its task is there, its
 * attempts have the generation that they began with.
 */
export async function beginAgain(
  queue: Pick<TaskQueue, 'enqueue'>,
  tx: Transaction,
  { invocationId, requestId, requestTime, wanted }: NextGeneration,
): Promise<boolean> {
  const last = await readExportRequest(tx, invocationId, wanted.index);
  if (requestId !== undefined && last?.requestId === requestId) return false;
  const { destination, index } = wanted;
  const outcome = await enqueueBigQueryExport(queue, tx, { invocationId, destination, index });
  if (outcome === 'duplicate') return false;
  const generation = 1 + (last?.generation ?? 0);
  const asked = { destination, index, generation, requestId, requestTime };
  await writeExportRequest(tx, invocationId, asked);
  return true;
}
