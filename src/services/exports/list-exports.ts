import { create } from '@bufbuild/protobuf';
import { readWantedExports } from '../../exporter/export-requests.ts';
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
import { TASKS_REALM } from '../shared/permissions.ts';
import { requireInRealms } from '../shared/readable.ts';
import { toExportMessage, withoutFolders } from './export-message.ts';
import type { ExportsParts } from './parts.ts';

export async function listExports(
  parts: ExportsParts,
  request: ListExportsRequest,
  context: CallContext,
): Promise<ListExportsResponse> {
  const { caller } = context;
  const id = inField('name', () => parseInvocationName(request.name));
  await requireInRealms(parts, context, { permission: 'resultdb.invocations.get', ids: [id] });
  const { invocation, wanted } = await parts.db.read(async (tx) => {
    const invocation = await requireInvocation(tx, id);
    return { invocation, wanted: await readWantedExports(tx, invocation) };
  }, context);
  const exports = await Promise.all(
    wanted.map(async (each) => toExportMessage(each, await exportStatus(parts, invocation, each))),
  );
  const isOperator = await parts.authorizer.isAllowed(caller, 'postlude.tasks.list', TASKS_REALM);
  const shown = isOperator ? exports : exports.map(withoutFolders);
  return create(ListExportsResponseSchema, { exports: shown });
}
