/** @postlude/postlude/exporter: exports FINALIZED invocations. */
export type { Batch, BatchLimits } from '../exporter/batches.ts';
export { type ExporterParts, type ExportRequest, exportInvocation } from '../exporter/exporter.ts';
export type { ExportName } from '../exporter/parquet/export-files.ts';
export { type Manifest, type Verification, verifyExport } from '../exporter/parquet/manifest.ts';
export { ParquetSink, type ParquetSinkOptions } from '../exporter/parquet/parquet-sink.ts';
export type { InvocationRow } from '../exporter/rows/invocation-row.ts';
export type { ExportRow, RowKey, RowKind } from '../exporter/rows/row-kind.ts';
export type { Column, ColumnType } from '../exporter/rows/schema.ts';
export type { TestResultRow } from '../exporter/rows/test-result-row.ts';
export {
  type Export,
  type ExportSummary,
  type ExportTable,
  type Landed,
  type Receipt,
  type Sink,
  SinkBusyError,
  type SinkSession,
} from '../exporter/sink.ts';
export { type SinkDescription, verifyExportIn } from '../exporter/sinks/verify-export-in.ts';
export {
  type BigQueryExportTask,
  BQ_EXPORT,
  type ExportHandlerParts,
  enqueueBigQueryExport,
  exportHandler,
} from '../exporter/task.ts';
export {
  type BigQueryExport,
  BigQueryExportSchema,
} from '../gen/luci/resultdb/v1/invocation_pb.js';
export { type InvocationId, parseInvocationId, parseInvocationName } from '../invocations/id.ts';
