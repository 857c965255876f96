/**
 * The export task: enqueued when an invocation becomes FINALIZED, one for each of its exports, and
 * handled by `exportInvocation`.
 *
 * An attempt may die anywhere and run again, which the sink makes harmless. The task is completed
 * under its lease once the sink has committed. Errors that no retry can mend make it a dead task,
 * which keeps the reason and can be redriven.
 */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  bytesPayload,
  type EnqueueOutcome,
  type HandlerContext,
  type NewTask,
  type Task,
  type TaskHandler,
  type TaskQueue,
  taskType,
} from '@postlude/queue';
import {
  type EpochMs,
  hasCode,
  type Log,
  type Metrics,
  noMetrics,
  PermanentError,
  silentLog,
} from '@postlude/queue/foundations';
import type { Database, Transaction } from '@postlude/queue/storage';
import {
  type BigQueryExport,
  BigQueryExportSchema,
} from '../gen/luci/resultdb/v1/invocation_pb.js';
import { fromRowId, type InvocationId, toRowId } from '../invocations/id.ts';
import { exportLabel, INVOCATION_ROW_INDEX, parseExportLabel } from './export-index.ts';
import { type ExporterParts, type ExportRequest, exportInvocation } from './exporter.ts';
import { type ExportTable, type Receipt, SinkBusyError } from './sink.ts';
import { tableName } from './sinks/name-pattern.ts';

/**
 * Exports a FINALIZED invocation; the payload is a binary luci.resultdb.v1.BigQueryExport. The name is
 * that of LUCI ResultDB.
 */
export const BQ_EXPORT = taskType('bq_export', bytesPayload);

export interface BigQueryExportTask {
  readonly invocationId: InvocationId;
  readonly destination: BigQueryExport;
  /** Identifies the export among those of one invocation; 0 unless given. */
  readonly index?: number;
  readonly processAfter?: EpochMs;
}

/**
 * Enqueues an export in the caller's transaction. Returns `duplicate` if a task for that invocation
 * and index is waiting already. An attempt before the invocation is FINALIZED fails and is retried.
 */
export async function enqueueBigQueryExport(
  queue: Pick<TaskQueue, 'enqueue'>,
  tx: Transaction,
  { invocationId, destination, index = 0, ...when }: BigQueryExportTask,
): Promise<EnqueueOutcome> {
  const payload = toBinary(BigQueryExportSchema, destination);
  const task = exportTask(invocationId, index, payload);
  const [outcome = 'duplicate'] = await queue.enqueue([{ ...task, ...when }], tx);
  return outcome;
}

/** The task of one export; `payload` is its destination in binary. */
export function exportTask(
  invocationId: InvocationId,
  index: number,
  payload: Uint8Array,
): NewTask<Uint8Array> {
  const { id } = exportTaskName(invocationId, index);
  return { type: BQ_EXPORT, id, subject: toRowId(invocationId), payload };
}

/** Type and id of an export's task; `toRequest` reads the index back. */
export function exportTaskName(invocationId: InvocationId, index: number) {
  return { type: BQ_EXPORT.name, id: `${toRowId(invocationId)}:${exportLabel(index)}` };
}

export interface ExportHandlerParts extends Omit<ExporterParts, 'db'> {
  readonly db: Pick<Database, 'read' | 'write'>;
  /** The queue that the tasks are in. */
  readonly queue: Pick<TaskQueue, 'replace'>;
  /** The table of the rows of invocations, if there is one; no test results go there. */
  readonly invocationRows?: ExportTable | undefined;
  readonly log?: Log;
  readonly metrics?: Metrics;
}

/** Retrying does not help with these errors: the request is invalid, or not allowed. */
const PERMANENT = ['invalid-argument', 'not-found', 'permission-denied'] as const;

/** Returns the handler of `bq_export` tasks. */
export function exportHandler(parts: ExportHandlerParts): TaskHandler<Uint8Array> {
  const { log = silentLog, metrics = noMetrics } = parts;
  const exportedRows = metrics.counter('postlude.export.rows', {
    description: 'Rows of exports that have been committed',
    unit: '{row}',
  });
  const rejectedRows = metrics.counter('postlude.export.rejected_rows', {
    description: 'Rows of committed exports that their tables have refused',
    unit: '{row}',
  });
  return {
    type: BQ_EXPORT,
    handle: async (task, context) => {
      const request = toRequest(task);
      requireTableOfResults(request, parts.invocationRows);
      const { invocationId: invocation, index } = request;
      const outcome = await attemptExport(parts, request, context.signal);
      if (outcome instanceof SinkBusyError) {
        log.warn('export postponed', { invocation, index, error: outcome });
        return await postpone(parts, task, { context, busy: outcome });
      }
      exportedRows.add(outcome.rows);
      rejectedRows.add(outcome.rejected ?? 0);
      log.info('exported', { invocation, index, ...outcome });
    },
  };
}

function requireTableOfResults(
  { destination, index }: ExportRequest,
  invocationRows: ExportTable | undefined,
): void {
  if (index === INVOCATION_ROW_INDEX || invocationRows === undefined) return;
  const name = tableName(invocationRows);
  if (tableName(destination) !== name) return;
  throw new PermanentError(`${name} is for rows of invocations: export results to another table`);
}

async function attemptExport(
  parts: ExporterParts,
  request: ExportRequest,
  signal: AbortSignal,
): Promise<Receipt | SinkBusyError> {
  try {
    return await exportInvocation(parts, request, signal);
  } catch (error) {
    if (error instanceof SinkBusyError) return error;
    return throwPermanent(error);
  }
}

/**
 * Enqueues the task again, in place of itself. A quota can be used up for a day, and the attempts at a task
 * would be used up sooner; and meanwhile the worker is free for exports to other tables.
 */
async function postpone(
  { db, queue }: Pick<ExportHandlerParts, 'db' | 'queue'>,
  { id, subject, payload }: Task<Uint8Array>,
  { busy, context }: { readonly busy: SinkBusyError; readonly context: HandlerContext },
): Promise<void> {
  const { delayMs, message: lastError } = busy;
  const again = { type: BQ_EXPORT, id, payload, delayMs, lastError, ...(subject && { subject }) };
  await db.write(async (tx) => {
    await context.complete(tx);
    await queue.replace([again], tx);
  });
}

function toRequest({ id, subject, payload, fence }: Task<Uint8Array>): ExportRequest {
  const index = parseExportLabel(id.slice(id.lastIndexOf(':') + 1));
  if (subject === undefined || index === undefined) {
    throw new PermanentError(`task ${id} does not say which export of which invocation it is`);
  }
  return {
    invocationId: fromRowId(subject),
    index,
    destination: decode(payload),
    attempt: fence,
  };
}

function decode(payload: Uint8Array): BigQueryExport {
  const destination = decodeMessage(payload);
  const { project, dataset, table, textArtifacts } = destination;
  if (textArtifacts) throw new PermanentError('the export of text_artifacts is not supported');
  if (project !== '' && dataset !== '' && table !== '') return destination;
  throw new PermanentError('the payload does not name project, dataset and table');
}

function decodeMessage(payload: Uint8Array): BigQueryExport {
  try {
    return fromBinary(BigQueryExportSchema, payload);
  } catch (cause) {
    throw new PermanentError('the payload is not a luci.resultdb.v1.BigQueryExport', { cause });
  }
}

function throwPermanent(error: unknown): never {
  if (hasCode(error, ...PERMANENT)) throw new PermanentError(error.message, { cause: error });
  throw error;
}
