/**
 * Weighs a message in protobuf's wire format without decoding it. The scan follows the schema, since the
 * wire format does not tell messages from strings. It is stricter than the codec: a field has the wire
 * type of its declaration, and nothing reaches beyond the message that contains it. So both see the
 * same fields, and nothing can be hidden from the scan.
 */
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { MessageWeight, malformed } from './message-weight.ts';

const VARINT = 0;
const BIT64 = 1;
const LENGTH = 2;
const START_GROUP = 3;
const END_GROUP = 4;
const BIT32 = 5;

/** Throws `resource-exhausted` if the message is too heavy, and `invalid-argument` if it is malformed. */
export function scanWire(desc: DescMessage, bytes: Uint8Array): void {
  new WireScan(bytes).message(() => shapeOf(desc), bytes.length, 1);
}

interface FieldShape {
  readonly wireType: number;
  /** Set if the field holds messages. Evaluated late, because messages may contain their own type. */
  readonly message?: () => MessageShape;
  /** Its messages are the entries of a map. */
  readonly isMap?: true;
  /** The wire type of the elements, if they may be packed. */
  readonly packed?: number;
}

type MessageShape = ReadonlyMap<number, FieldShape>;

const shapes = new WeakMap<DescMessage, MessageShape>();

function shapeOf(desc: DescMessage): MessageShape {
  let shape = shapes.get(desc);
  if (!shape) {
    shape = new Map(desc.fields.map((field) => [field.number, fieldShape(field)]));
    shapes.set(desc, shape);
  }
  return shape;
}

function fieldShape(field: DescField): FieldShape {
  if (field.fieldKind === 'map') {
    const entry: MessageShape = new Map([
      [1, { wireType: wireTypeOf(field.mapKey) }],
      [2, elementShape(field.message, field.scalar)],
    ]);
    return { wireType: LENGTH, message: () => entry, isMap: true };
  }
  const shape = elementShape(field.message, field.scalar);
  const isPackable = field.fieldKind === 'list' && shape.wireType !== LENGTH;
  return isPackable ? { ...shape, packed: shape.wireType } : shape;
}

function elementShape(
  message: DescMessage | undefined,
  scalar: ScalarType | undefined,
): FieldShape {
  if (message) return { wireType: LENGTH, message: () => shapeOf(message) };
  return { wireType: scalar === undefined ? VARINT : wireTypeOf(scalar) };
}

function wireTypeOf(scalar: ScalarType): number {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return LENGTH;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return BIT64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return BIT32;
    default:
      return VARINT;
  }
}

class WireScan {
  readonly #bytes: Uint8Array;
  readonly #weight = new MessageWeight();
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  message(shape: () => MessageShape, end: number, depth: number): void {
    this.#weight.addMessage(depth);
    const fields = shape();
    while (this.#at < end) {
      const tag = this.#varint(end);
      const field = fields.get(tag >>> 3);
      if (field) this.#known(field, { wireType: tag & 7, end, depth });
      else this.#unknown(tag, end, depth);
    }
  }

  #known(
    field: FieldShape,
    {
      wireType,
      end,
      depth,
    }: { readonly wireType: number; readonly end: number; readonly depth: number },
  ): void {
    if (wireType === field.wireType) {
      this.#weight.addFields(1);
      if (field.isMap) this.#weight.addKey();
      if (field.message) this.message(field.message, this.#blockEnd(end), depth + 1);
      else this.#skip(wireType, end);
    } else if (wireType === LENGTH && field.packed !== undefined) {
      this.#packed(field.packed, this.#blockEnd(end));
    } else throw malformed('a field has another type than its schema says');
  }

  #unknown(tag: number, end: number, depth: number): void {
    this.#weight.addFields(1);
    if (tag >>> 3 === 0) throw malformed('a field has the number 0');
    if ((tag & 7) === START_GROUP) this.#group(tag >>> 3, end, depth + 1);
    else this.#skip(tag & 7, end);
  }

  /** A group ends with a tag of its own number. */
  #group(number: number, end: number, depth: number): void {
    this.#weight.addMessage(depth);
    for (;;) {
      const tag = this.#varint(end);
      if ((tag & 7) !== END_GROUP) this.#unknown(tag, end, depth);
      else if (tag >>> 3 === number) return;
      else throw malformed('a group ends that did not begin');
    }
  }

  #packed(wireType: number, end: number): void {
    if (wireType !== VARINT)
      this.#weight.addFields((end - this.#at) / (wireType === BIT32 ? 4 : 8));
    while (this.#at < end) {
      if (wireType === VARINT) this.#weight.addFields(1);
      this.#skip(wireType, end);
    }
  }

  #skip(wireType: number, end: number): void {
    if (wireType === VARINT) this.#varint(end);
    else if (wireType === LENGTH) this.#at = this.#blockEnd(end);
    else if (wireType === BIT64) this.#advance(8, end);
    else if (wireType === BIT32) this.#advance(4, end);
    else throw malformed(`there is no wire type ${wireType}`);
  }

  #advance(count: number, end: number): void {
    this.#at += count;
    if (this.#at > end) throw malformed('it ends within a field');
  }

  /** Returns the end of the length-delimited block that begins here. */
  #blockEnd(end: number): number {
    const length = this.#varint(end);
    if (length > end - this.#at) throw malformed('it ends within a field');
    return this.#at + length;
  }

  /** Returns the lower 32 bits, as the codec does for tags and lengths. */
  #varint(end: number): number {
    let value = 0;
    for (let index = 0; index < 10; index++) {
      if (this.#at >= end) throw malformed('it ends within a field');
      const byte = this.#bytes[this.#at++] ?? 0;
      if (index < 5) value |= (byte & 0x7f) << (7 * index);
      if (byte < 0x80) return value >>> 0;
    }
    throw malformed('a number has more than 10 bytes');
  }
}
