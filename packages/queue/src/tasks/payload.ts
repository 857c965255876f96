/** Converts a task's payload to its stored form, and back to a checked value for the handler. */
import {
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type MessageShape,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { CodedError } from '../foundations/errors.ts';
import { checkBy, jsonText } from '../foundations/standard-json.ts';

export type { JsonValue };

/** An error of `encode` is a bug of the caller. An error of `decode` makes the task dead, with that reason. */
export interface Payload<P> {
  encode(value: P): Uint8Array | undefined;
  decode(bytes: Uint8Array | undefined): P | Promise<P>;
}

/**
 * A payload that can also be JSON, as pushed tasks carry it (`TaskClass`). All payloads that this module
 * makes are such, so one declaration serves tasks of both kinds.
 */
export interface JsonPayload<P> extends Payload<P>, JsonForm<P> {}

/** The payload as JSON, and back to a checked value. Both methods throw as those of a Payload do. */
export interface JsonForm<P> {
  /** The full name of the protobuf message, if it is one; a receiver may find the class by it. */
  readonly typeName?: string;
  toJson(value: P): JsonValue;
  fromJson(json: JsonValue): P | Promise<P>;
}

export const noPayload: JsonPayload<undefined> = {
  encode: () => undefined,
  decode: (bytes) => {
    if (bytes !== undefined) throw new CodedError('invalid-argument', 'expected no payload');
    return undefined;
  },
  toJson: () => null,
  fromJson: (json) => {
    if (json !== null) throw new CodedError('invalid-argument', 'expected no payload');
    return undefined;
  },
};

/** Stores bytes as they are. In JSON they are base64. */
export const bytesPayload: JsonPayload<Uint8Array> = {
  encode: (value) => value,
  decode: (bytes) => bytes ?? new Uint8Array(),
  toJson: (value) => Buffer.from(value).toString('base64'),
  fromJson: (json) => {
    if (typeof json === 'string') return Uint8Array.from(Buffer.from(json, 'base64'));
    throw new CodedError('invalid-argument', 'expected a string of base64');
  },
};

/**
 * Stores a protobuf message in its binary form. Its form in JSON is LUCI's: fields in lowerCamelCase,
 * 64-bit integers as strings, enums as numbers. Unknown fields are ignored, so that the message may
 * evolve while tasks are under way.
 */
export function protobufPayload<D extends DescMessage>(schema: D): JsonPayload<MessageShape<D>> {
  return {
    encode: (message) => toBinary(schema, message),
    decode: (bytes) => fromBinary(schema, bytes ?? new Uint8Array()),
    typeName: schema.typeName,
    toJson: (message) => toJson(schema, message, { enumAsInteger: true }),
    fromJson: (json) => fromJson(schema, json, { ignoreUnknownFields: true }),
  };
}

/** Stores JSON, checked by any validator that implements Standard Schema (Zod, Valibot, ArkType, …). */
export function standardPayload<S extends StandardSchemaV1>(
  schema: S,
): JsonPayload<StandardSchemaV1.InferOutput<S>> {
  const form: JsonForm<StandardSchemaV1.InferOutput<S>> = {
    toJson: (value) => JSON.parse(jsonText(value)),
    fromJson: (json) => checkBy(schema, json),
  };
  // The text need not be parsed just to be written again.
  return { ...jsonPayload(form), encode: (value) => new TextEncoder().encode(jsonText(value)) };
}

/** Stores JSON that you convert yourself. */
export function jsonPayload<P>(form: JsonForm<P>): JsonPayload<P> {
  return {
    ...form,
    encode: (value) => new TextEncoder().encode(jsonText(form.toJson(value))),
    decode: async (bytes) =>
      await form.fromJson(JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array()))),
  };
}
