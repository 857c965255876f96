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
import { CodedError } from '@postlude/queue/foundations';
import type { Reader } from '@postlude/queue/storage';
import { VariantSchema } from '../../gen/luci/resultdb/v1/common_pb.js';
import type { Instruction, Instructions } from '../../gen/luci/resultdb/v1/instruction_pb.js';
import {
  type BigQueryExport,
  BigQueryExportSchema,
  type HistoryOptions,
  HistoryOptionsSchema,
  Invocation_State,
  type Invocation as InvocationMessage,
  InvocationSchema,
} from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { decodeFields } from '../../invocations/fields/stored-fields.ts';
import { type InvocationId, invocationName } from '../../invocations/id.ts';
import { readIncluded } from '../../invocations/inclusions.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import { readExtended, requireInvocation } from '../../invocations/invocations.ts';
import type { InvocationState } from '../../invocations/state.ts';
import { toTimestamp } from './timestamp.ts';

/** The names of so many fit into 4 MB, the limit of clients of gRPC. */
export const MAX_INCLUDED = 30_000;

/** Leaves out inclusions beyond the limit of a message. Throws `not-found`. */
export async function readInvocationMessage(
  reader: Reader,
  id: InvocationId,
): Promise<InvocationMessage> {
  const invocation = await requireInvocation(reader, id);
  return await readWholeMessage(reader, invocation, await readIncluded(reader, id, MAX_INCLUDED));
}

/** Throws `not-found`, and `failed-precondition` if a message cannot hold all inclusions. */
export async function readCompleteMessage(
  reader: Reader,
  id: InvocationId,
): Promise<InvocationMessage> {
  const invocation = await requireInvocation(reader, id);
  const included = await readIncluded(reader, id, MAX_INCLUDED + 1);
  if (included.length <= MAX_INCLUDED) return await readWholeMessage(reader, invocation, included);
  const problem = `invocations/${id} includes more than ${MAX_INCLUDED} others, which is too much for a response: query its results, or watch it`;
  throw new CodedError('failed-precondition', problem);
}

/** Reads what is missing of the message: the instructions and the extended properties. */
export async function readWholeMessage(
  reader: Reader,
  invocation: Invocation,
  included: readonly InvocationId[],
): Promise<InvocationMessage> {
  const message = toInvocationMessage(invocation, included);
  const extended = decodeFields(await readExtended(reader, invocation.id));
  message.extendedProperties = extended.extendedProperties;
  if (extended.instructions) message.instructions = withNames(extended.instructions, message.name);
  return message;
}

/** Returns `undefined` if the invocation has no such instruction. */
export async function readInstruction(
  reader: Reader,
  invocation: InvocationId,
  id: string,
): Promise<Instruction | undefined> {
  const { instructions } = decodeFields(await readExtended(reader, invocation));
  if (!instructions) return undefined;
  const named = withNames(instructions, invocationName(invocation));
  return named.instructions.find((instruction) => instruction.id === id);
}

function withNames(instructions: Instructions, invocation: string): Instructions {
  for (const instruction of instructions.instructions) {
    instruction.name = `${invocation}/instructions/${instruction.id}`;
  }
  return instructions;
}

/** Leaves out the instructions and the extended properties. */
export function toInvocationMessage(
  invocation: Invocation,
  included: readonly InvocationId[],
): InvocationMessage {
  const { createTime, deadline, finalizeTime, historyOptions, id, state, tags } = invocation;
  const { finalizeStartTime, properties } = invocation;
  const { moduleId, sourceSpec, ...details } = decodeFields(invocation.details);
  return create(InvocationSchema, {
    name: invocationName(id),
    state: toStateMessage(state),
    createTime: toTimestamp(createTime),
    deadline: toTimestamp(deadline),
    ...(finalizeStartTime === undefined
      ? {}
      : { finalizeStartTime: toTimestamp(finalizeStartTime) }),
    ...(finalizeTime === undefined ? {} : { finalizeTime: toTimestamp(finalizeTime) }),
    tags: tags.map(({ key, value }) => ({ key, value })),
    includedInvocations: included.map(invocationName),
    bigqueryExports: invocation.bigqueryExports.map(decodeExport),
    createdBy: invocation.createdBy ?? '',
    producerResource: invocation.producerResource ?? '',
    realm: invocation.realm,
    ...(historyOptions && { historyOptions: fromBinary(HistoryOptionsSchema, historyOptions) }),
    ...(properties && { properties: decodeProperties(properties) }),
    ...(moduleId && { moduleId }),
    ...(sourceSpec && { sourceSpec }),
    isSourceSpecFinal: details.isSourceSpecFinal,
    baselineId: details.baselineId,
    isExportRoot: details.isExportRoot,
    TestResultVariantUnion: details.TestResultVariantUnion ?? create(VariantSchema),
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
