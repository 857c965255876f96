/**
 * Exports a FINALIZED invocation to a destination that it was not created with. The invocation does
 * not change, so no update token is needed. The caller needs the same permission, in the project's root
 * realm, as for creating an invocation with exports.
 */
import { create } from '@bufbuild/protobuf';
import { CodedError } from '@postlude/queue/foundations';
import type { Reader } from '@postlude/queue/storage';
import { INVOCATION_ROW_INDEX } from '../../exporter/export-index.ts';
import {
  readExportRequests,
  readGeneration,
  writeExportRequest,
} from '../../exporter/export-requests.ts';
import { exportStatus, furtherExportIndex } from '../../exporter/status.ts';
import { enqueueBigQueryExport } from '../../exporter/task.ts';
import {
  type ExportInvocationRequest,
  type ExportInvocationResponse,
  ExportInvocationResponseSchema,
} from '../../gen/postlude/v1/exports_pb.js';
import { type InvocationId, parseInvocationName } from '../../invocations/id.ts';
import { requireInvocation } from '../../invocations/invocations.ts';
import { checkExport, MAX_EXPORTS } from '../recorder/validate-invocation.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField, invalid } from '../shared/field.ts';
import { requirePermission, rootRealm } from '../shared/permissions.ts';
import { toExportMessage } from './export-message.ts';
import type { ExportsParts } from './parts.ts';

export async function exportInvocation(
  parts: ExportsParts,
  request: ExportInvocationRequest,
  { caller, signal }: CallContext,
): Promise<ExportInvocationResponse> {
  const id = inField('name', () => parseInvocationName(request.name));
  const { destination } = request;
  if (destination === undefined) throw invalid('destination: must be set');
  inField('destination', () => checkExport(destination));
  const invocation = await parts.db.read((tx) => requireInvocation(tx, id), { signal });
  const root = rootRealm(invocation.realm);
  await requirePermission(parts.authorizer, caller, {
    permission: 'resultdb.invocations.exportToBigQuery',
    realm: root,
  });
  if (invocation.state !== 'FINALIZED') {
    throw new CodedError('failed-precondition', `${request.name} is ${invocation.state}`);
  }
  const index = furtherExportIndex(destination);
  const generation = await parts.db.read((tx) => readGeneration(tx, id, index), { signal });
  const wanted = { index, destination, generation };
  let status = await exportStatus(parts, invocation, wanted);
  if (status.state === 'absent') {
    const task = { invocationId: id, ...wanted };
    const requestTime = parts.clock.now();
    await parts.db.write(
      async (tx) => {
        await requireRoom(tx, id, index);
        const outcome = await enqueueBigQueryExport(parts.queue, tx, task);
        // All attempts at a task have the time at which it was asked for first.
        if (outcome === 'enqueued') await writeExportRequest(tx, id, { ...wanted, requestTime });
      },
      { signal },
    );
    status = { state: 'pending', reason: undefined };
  }
  return create(ExportInvocationResponseSchema, { export: toExportMessage(wanted, status) });
}

/** Each export is a task that reads the whole run again, so callers may not add any number of them. */
async function requireRoom(tx: Reader, id: InvocationId, index: number): Promise<void> {
  const others = (await readExportRequests(tx, id)).filter(
    (asked) => asked.index !== index && asked.index !== INVOCATION_ROW_INDEX,
  );
  if (others.length < MAX_EXPORTS) return;
  throw new CodedError('failed-precondition', `${id} already has ${MAX_EXPORTS} more exports`);
}
