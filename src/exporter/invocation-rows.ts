/**
 * The exports of the rows of invocations. The transaction that makes an invocation FINALIZED enqueues its
 * row, and writes down that it did, and into which table: the setting may be another when somebody asks
 * for the state of the export, or has it made again.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import type { TaskQueue } from '@postlude/queue';
import type { EpochMs } from '@postlude/queue/foundations';
import { mutationsOfRow, type Transaction } from '@postlude/queue/storage';
import { tasks } from '@postlude/queue/tables';
import { BigQueryExportSchema } from '../gen/luci/resultdb/v1/invocation_pb.js';
import type { InvocationId } from '../invocations/id.ts';
import { INVOCATION_ROW_INDEX } from './export-index.ts';
import { exportRequests, writeExportRequest } from './export-requests.ts';
import type { ExportTable } from './sink.ts';
import { exportTask } from './task.ts';

export interface NewInvocationRows {
  readonly ids: readonly InvocationId[];
  readonly table: ExportTable;
  readonly requestTime: EpochMs;
}

/** Each invocation must become FINALIZED in `tx`. */
export async function enqueueInvocationRows(
  queue: Pick<TaskQueue, 'replace'>,
  tx: Transaction,
  { ids, requestTime, table }: NewInvocationRows,
): Promise<void> {
  const destination = create(BigQueryExportSchema, table);
  const payload = toBinary(BigQueryExportSchema, destination);
  const index = INVOCATION_ROW_INDEX;
  await queue.replace(
    ids.map((id) => exportTask(id, index, payload)),
    tx,
  );
  const request = { index, destination, generation: 0, requestTime };
  for (const id of ids) await writeExportRequest(tx, id, request);
}

/** The mutations that this takes for one invocation. */
export const INVOCATION_ROW_MUTATIONS =
  mutationsOfRow(tasks, 'upsert', Object.keys(tasks.columns)) +
  mutationsOfRow(exportRequests, 'upsert', Object.keys(exportRequests.columns));
