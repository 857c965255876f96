import { create } from '@bufbuild/protobuf';
import { exportStatus } from '../../exporter/status.ts';
import {
  type ListExportsRequest,
  type ListExportsResponse,
  ListExportsResponseSchema,
} from '../../gen/postlude/v1/exports_pb.js';
import { parseInvocationName } from '../../invocations/id.ts';
import { requireInvocation } from '../../invocations/invocations.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { decodeExport } from '../shared/invocation-message.ts';
import { requireInRealms } from '../shared/readable.ts';
import { toExportMessage } from './export-message.ts';
import type { ExportsParts } from './parts.ts';

export async function listExports(
  parts: ExportsParts,
  request: ListExportsRequest,
  { caller }: CallContext,
): Promise<ListExportsResponse> {
  const id = inField('name', () => parseInvocationName(request.name));
  await requireInRealms(parts, caller, { permission: 'resultdb.invocations.get', ids: [id] });
  const invocation = await parts.db.read((tx) => requireInvocation(tx, id));
  const exports = await Promise.all(
    invocation.bigqueryExports.map(async (encoded, index) => {
      const wanted = { index, destination: decodeExport(encoded) };
      return toExportMessage(wanted, await exportStatus(parts, invocation, wanted));
    }),
  );
  return create(ListExportsResponseSchema, { exports });
}
