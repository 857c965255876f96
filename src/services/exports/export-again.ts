/**
 * Makes an export again, as a new generation of it: after files were lost, or after a table was emptied.
 * The caller needs the permission to export, as for a further destination.
 */
import { create } from '@bufbuild/protobuf';
import { CodedError } from '@postlude/queue/foundations';
import { isTableShared, readWantedExports } from '../../exporter/export-requests.ts';
import { identifyExport } from '../../exporter/exporter.ts';
import { exportStatus } from '../../exporter/status.ts';
import {
  type ExportAgainRequest,
  type ExportAgainResponse,
  ExportAgainResponseSchema,
} from '../../gen/postlude/v1/exports_pb.js';
import { parseInvocationName } from '../../invocations/id.ts';
import { requireInvocation } from '../../invocations/invocations.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField, requireMatch } from '../shared/field.ts';
import { requirePermission, rootRealm } from '../shared/permissions.ts';
import { beginAgain } from './begin-again.ts';
import { toExportMessage } from './export-message.ts';
import type { ExportsParts } from './parts.ts';

const REQUEST_ID = /^[\w:.-]{1,128}$/;

export async function exportAgain(
  parts: ExportsParts,
  { index, name, requestId: given }: ExportAgainRequest,
  { caller, signal }: CallContext,
): Promise<ExportAgainResponse> {
  const requestId =
    given === '' ? undefined : inField('request_id', () => requireMatch(given, REQUEST_ID));
  const id = inField('name', () => parseInvocationName(name));
  const { authorizer, clock, db, queue } = parts;
  const invocation = await db.read((tx) => requireInvocation(tx, id), { signal });
  await requirePermission(authorizer, caller, {
    permission: 'resultdb.invocations.exportToBigQuery',
    realm: rootRealm(invocation.realm),
  });
  const all = await db.read((tx) => readWantedExports(tx, invocation), { signal });
  const wanted = all.find((each) => each.index === index);
  if (wanted === undefined) throw new CodedError('not-found', `${name} has no export ${index}`);
  const { state } = await exportStatus(parts, invocation, wanted);
  if (state === 'waiting') {
    throw new CodedError('failed-precondition', `${name} is ${invocation.state}`);
  }
  const isShared = isTableShared(all, wanted);
  const next = { ...wanted, generation: wanted.generation + 1, isShared };
  await parts.sink.checkAgain?.(identifyExport(invocation, next));
  await db.write(
    (tx) =>
      beginAgain(queue, tx, { invocationId: id, wanted, requestTime: clock.now(), requestId }),
    { signal },
  );
  // A request that is repeated may find the export done.
  const now = await db.read((tx) => readWantedExports(tx, invocation));
  const begun = now.find((each) => each.index === index) ?? wanted;
  const status = await exportStatus(parts, invocation, begun);
  return create(ExportAgainResponseSchema, { export: toExportMessage(begun, status) });
}
