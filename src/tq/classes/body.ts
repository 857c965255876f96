/**
 * Converts a pushed task's payload to JSON, and back to a checked value. Its form is LUCI's: fields in
 * lowerCamelCase, 64-bit integers as strings, enums as numbers, and unknown fields ignored, so that
 * the payload may evolve while tasks are under way.
 */
import {
  type DescMessage,
  fromJson,
  type JsonValue,
  type MessageShape,
  toJson,
} from '@bufbuild/protobuf';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { checkBy, jsonText } from '../../standard-json.ts';

export type { JsonValue };

export interface TaskBody<P> {
  /** The full name of the protobuf message; a receiver may find the class by it. */
  readonly typeName?: string;
  /** Throws if the value cannot be written as JSON, which is a bug of the caller. */
  encode(value: P): JsonValue;
  /** Throws if the JSON is not such a payload. */
  decode(json: JsonValue): P | Promise<P>;
}

/** Writes a protobuf message in its JSON form. */
export function protobufBody<D extends DescMessage>(schema: D): TaskBody<MessageShape<D>> {
  return {
    typeName: schema.typeName,
    encode: (message) => toJson(schema, message, { enumAsInteger: true }),
    decode: (json) => fromJson(schema, json, { ignoreUnknownFields: true }),
  };
}

/** Writes JSON, checked by any validator that implements Standard Schema (Zod, Valibot, ArkType, …). */
export function standardBody<S extends StandardSchemaV1>(
  schema: S,
): TaskBody<StandardSchemaV1.InferOutput<S>> {
  return {
    encode: (value) => JSON.parse(jsonText(value)),
    decode: (json) => checkBy(schema, json),
  };
}
