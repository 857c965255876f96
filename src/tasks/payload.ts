/** Converts a task's payload to bytes for the database, and back to a checked value for the handler. */
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { CodedError } from '../errors.ts';
import { checkBy, jsonText } from '../standard-json.ts';

/** An error of `encode` is a bug of the caller. An error of `decode` makes the task dead, with that reason. */
export interface Payload<P> {
  encode(value: P): Uint8Array | undefined;
  decode(bytes: Uint8Array | undefined): P | Promise<P>;
}

export const noPayload: Payload<undefined> = {
  encode: () => undefined,
  decode: (bytes) => {
    if (bytes !== undefined) throw new CodedError('invalid-argument', 'expected no payload');
    return undefined;
  },
};

export const bytesPayload: Payload<Uint8Array> = {
  encode: (value) => value,
  decode: (bytes) => bytes ?? new Uint8Array(),
};

/** Stores a protobuf message in its binary form. */
export function protobufPayload<D extends DescMessage>(schema: D): Payload<MessageShape<D>> {
  return {
    encode: (message) => toBinary(schema, message),
    decode: (bytes) => fromBinary(schema, bytes ?? new Uint8Array()),
  };
}

/** Stores JSON, checked by any validator that implements Standard Schema (Zod, Valibot, ArkType, …). */
export function standardPayload<S extends StandardSchemaV1>(
  schema: S,
): Payload<StandardSchemaV1.InferOutput<S>> {
  return {
    encode: (value) => new TextEncoder().encode(jsonText(value)),
    decode: async (bytes) =>
      checkBy(schema, JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array()))),
  };
}
