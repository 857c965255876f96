/** Messages in the three formats of pRPC. */
import {
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type MessageShape,
  type Registry,
  toBinary,
  toJsonString,
} from '@bufbuild/protobuf';
import { fromText, toText } from '@bufbuild/protobuf/txtpb';
import { boundedText, toError } from '@postlude/queue/foundations';
import { takeFieldMasks } from './field-masks.ts';
import type { Format } from './format.ts';
import { ProtocolProblem } from './protocol-problem.ts';

/** The first line of a response in JSON. No page of another site can run such a text as a script. */
export const JSON_PREFIX = ")]}'\n";

const MAX_MESSAGE = 500;

const decodeUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Throws ProtocolProblem if the bytes are no such message. */
export function decodeMessage<D extends DescMessage>(
  format: Format,
  desc: D,
  bytes: Uint8Array,
): MessageShape<D> {
  try {
    if (format === 'binary') return fromBinary(desc, bytes, { readUnknownFields: false });
    const text = decodeUtf8.decode(bytes);
    return format === 'text' ? fromText(desc, text) : messageFromJson(desc, JSON.parse(text));
  } catch (error) {
    const problem = boundedText(toError(error).message, MAX_MESSAGE);
    throw new ProtocolProblem(`could not decode body: ${problem}`);
  }
}

function messageFromJson<D extends DescMessage>(desc: D, json: JsonValue): MessageShape<D> {
  const masks = takeFieldMasks(desc, json);
  const message = fromJson(desc, json, { ignoreUnknownFields: true });
  masks.putInto(message);
  return message;
}

/** `registry` has the messages that an `Any` may hold. */
export function encodeMessage<D extends DescMessage>(
  format: Format,
  desc: D,
  { message, registry }: { readonly message: MessageShape<D>; readonly registry?: Registry },
): Uint8Array {
  if (format === 'binary') return toBinary(desc, message);
  const options = registry ? { registry } : {};
  const text =
    format === 'text' ? toText(desc, message, options) : toJsonString(desc, message, options);
  return Buffer.from(text);
}

/** Returns the body of a response. */
export function encodeBody<D extends DescMessage>(
  format: Format,
  desc: D,
  message: MessageShape<D>,
): Uint8Array {
  const bytes = encodeMessage(format, desc, { message });
  if (format !== 'json') return bytes;
  return Buffer.concat([Buffer.from(JSON_PREFIX), bytes, Buffer.from('\n')]);
}
