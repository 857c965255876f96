/** Converts invocations to and from the messages of the API. */
import {
  create,
  fromBinary,
  fromJson,
  type JsonObject,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import type { Reader } from '@postlude/queue/storage';
import {
  type BigQueryExport,
  BigQueryExportSchema,
  type HistoryOptions,
  HistoryOptionsSchema,
  Invocation_State,
  type Invocation as InvocationMessage,
  InvocationSchema,
} from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { type InvocationId, invocationName } from '../../invocations/id.ts';
import { readIncluded } from '../../invocations/inclusions.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import { requireInvocation } from '../../invocations/invocations.ts';
import type { InvocationState } from '../../invocations/state.ts';
import { toTimestamp } from './timestamp.ts';

/** Throws `not-found`. */
export async function readInvocationMessage(
  reader: Reader,
  id: InvocationId,
): Promise<InvocationMessage> {
  const invocation = await requireInvocation(reader, id);
  return toInvocationMessage(invocation, await readIncluded(reader, id));
}

export function toInvocationMessage(
  invocation: Invocation,
  included: readonly InvocationId[],
): InvocationMessage {
  const { createTime, deadline, finalizeTime, historyOptions, id, state, tags } = invocation;
  const { properties } = invocation;
  return create(InvocationSchema, {
    name: invocationName(id),
    state: toStateMessage(state),
    createTime: toTimestamp(createTime),
    deadline: toTimestamp(deadline),
    ...(finalizeTime === undefined ? {} : { finalizeTime: toTimestamp(finalizeTime) }),
    tags: tags.map(({ key, value }) => ({ key, value })),
    includedInvocations: included.map(invocationName),
    bigqueryExports: invocation.bigqueryExports.map(decodeExport),
    createdBy: invocation.createdBy ?? '',
    producerResource: invocation.producerResource ?? '',
    realm: invocation.realm,
    ...(historyOptions && { historyOptions: fromBinary(HistoryOptionsSchema, historyOptions) }),
    ...(properties && { properties: decodeProperties(properties) }),
  });
}

export function toStateMessage(state: InvocationState): Invocation_State {
  return Invocation_State[state];
}

/** Encodes an export as it is stored in the database and in the payload of its task. */
export function encodeExport(bqExport: BigQueryExport): Uint8Array {
  return toBinary(BigQueryExportSchema, bqExport);
}

export function decodeExport(bytes: Uint8Array): BigQueryExport {
  return fromBinary(BigQueryExportSchema, bytes);
}

export function encodeProperties(properties: JsonObject | undefined): Uint8Array | undefined {
  return properties && toBinary(StructSchema, fromJson(StructSchema, properties));
}

export function decodeProperties(bytes: Uint8Array): JsonObject {
  return toJson(StructSchema, fromBinary(StructSchema, bytes)) as JsonObject;
}

export function encodeHistory(options: HistoryOptions | undefined): Uint8Array | undefined {
  return options && toBinary(HistoryOptionsSchema, options);
}
