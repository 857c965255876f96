/** postlude.v1.Exports: lists the exports of an invocation and what they lack, and starts additional ones. */
import type { Exports } from '../../gen/postlude/v1/exports_pb.js';
import type { ServiceMethods } from '../shared/service-methods.ts';
import { exportAgain } from './export-again.ts';
import { exportInvocation } from './export-invocation.ts';
import { exportPeriod } from './export-period.ts';
import { listExports } from './list-exports.ts';
import { listRejectedRows } from './list-rejected-rows.ts';
import type { ExportsParts } from './parts.ts';

export function createExports(parts: ExportsParts): ServiceMethods<typeof Exports> {
  return {
    listExports: (request, context) => listExports(parts, request, context),
    listRejectedRows: (request, context) => listRejectedRows(parts, request, context),
    exportAgain: (request, context) => exportAgain(parts, request, context),
    exportPeriod: (request, context) => exportPeriod(parts, request, context),
    exportInvocation: (request, context) => exportInvocation(parts, request, context),
  };
}
