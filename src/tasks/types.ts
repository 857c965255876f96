/** The product's own types of tasks. Names and ids are those of LUCI ResultDB's package tasks. */
import { bytesPayload, noPayload } from './payload.ts';
import { taskType } from './task.ts';

/** Tries to finalize an invocation. No payload. */
export const TRY_FINALIZE_INVOCATION = taskType('finalize', noPayload);

/** Exports a finalized invocation; the payload is a binary luci.resultdb.v1.BigQueryExport. */
export const BQ_EXPORT = taskType('bq_export', bytesPayload);

/** All of them, as a server runs them. */
export const ALL_TYPES = [TRY_FINALIZE_INVOCATION, BQ_EXPORT] as const;
