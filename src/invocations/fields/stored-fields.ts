/** The fields of an invocation that few have: they are stored together, as a message (`details`, `extended`). */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type Invocation as InvocationMessage,
  InvocationSchema,
} from '../../gen/luci/resultdb/v1/invocation_pb.js';

/** Decodes `details` or `extended` of an invocation. */
export function decodeFields(bytes: Uint8Array | undefined): InvocationMessage {
  return bytes ? fromBinary(InvocationSchema, bytes) : create(InvocationSchema);
}

/** Returns `undefined` if no field is set. */
export function encodeFields(fields: InvocationMessage): Uint8Array | undefined {
  const bytes = toBinary(InvocationSchema, fields);
  return bytes.length === 0 ? undefined : bytes;
}
