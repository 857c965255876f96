import { create } from '@bufbuild/protobuf';
import { type RejectedRow, readRejectedRows } from '../../exporter/rejected-rows.ts';
import {
  type ListRejectedRowsRequest,
  ListRejectedRowsRequestSchema,
  type ListRejectedRowsResponse,
  ListRejectedRowsResponseSchema,
  RejectedRowSchema,
} from '../../gen/postlude/v1/exports_pb.js';
import { type InvocationId, invocationName, parseInvocationName } from '../../invocations/id.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { cutPage, PageTokens, pageSize, TASK_PAGES } from '../shared/page.ts';
import { requireInRealms } from '../shared/readable.ts';
import type { ExportsParts } from './parts.ts';

export async function listRejectedRows(
  parts: ExportsParts,
  request: ListRejectedRowsRequest,
  context: CallContext,
): Promise<ListRejectedRowsResponse> {
  const id = inField('name', () => parseInvocationName(request.name));
  await requireInRealms(parts, context, { permission: 'resultdb.testResults.list', ids: [id] });
  const tokens = PageTokens.of(ListRejectedRowsRequestSchema, request);
  const [from = '0'] = tokens.position(1) ?? [];
  const limit = pageSize(request.pageSize, TASK_PAGES);
  const name = { invocationId: id, index: request.index };
  const page = await parts.db.read(
    (tx) => readRejectedRows(tx, name, { from: Number(from), limit }),
    context,
  );
  const { messages, last } = cutPage(page, { limit, schema: RejectedRowSchema, toMessage });
  return create(ListRejectedRowsResponseSchema, {
    rows: messages,
    nextPageToken: last ? tokens.next([String(last.row + 1)]) : '',
  });
}

function toMessage({ row, parentId, ...rest }: RejectedRow) {
  const parent = invocationName(parentId as InvocationId);
  return create(RejectedRowSchema, { ...rest, row: BigInt(row), parent });
}
