/** The wire form of a task: `{"class": id, "type": message name, "body": payload}`, as LUCI's. */
import { CodedError } from '../../foundations/errors.ts';
import type { JsonValue } from '../../tasks/payload.ts';
import type { TaskClass } from './task-class.ts';

export interface Envelope {
  readonly classId: string | undefined;
  readonly typeName: string | undefined;
  readonly body: JsonValue;
}

export function encodeEnvelope<P>({ id, payload }: TaskClass<P>, value: P): Uint8Array {
  const { typeName } = payload;
  const envelope = {
    class: id,
    ...(typeName === undefined ? {} : { type: typeName }),
    body: payload.toJson(value),
  };
  return Buffer.from(JSON.stringify(envelope, undefined, '\t'));
}

/** Throws `invalid-argument` if the text is not an envelope. Ignores unknown keys. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const value = parse(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw notAnEnvelope('it is not a JSON object');
  }
  const classId = optionalText(value.class, 'class');
  const typeName = optionalText(value.type, 'type');
  if (!classId && !typeName) throw notAnEnvelope('it names neither a class nor a type');
  if (value.body === undefined) throw notAnEnvelope('it has no body');
  return { classId, typeName, body: value.body };
}

function parse(bytes: Uint8Array): JsonValue {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw notAnEnvelope('it is not JSON in UTF-8', cause);
  }
}

function optionalText(value: JsonValue | undefined, key: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw notAnEnvelope(`${key} is not a string`);
}

function notAnEnvelope(reason: string, cause?: unknown): CodedError {
  return new CodedError('invalid-argument', `not a task: ${reason}`, { cause });
}
