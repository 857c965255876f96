/**
 * Encodes rows as the protocol buffers that proto-schema.ts describes. The encoder of a table is built from
 * its columns once, as a million rows go through it.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Column, ColumnType } from '../../schema.ts';

type Encode<T> = (value: T) => Uint8Array;
type WriteValue = (writer: BinaryWriter, value: unknown) => void;
type Fields = Readonly<Record<string, unknown>>;

const WIRE_TYPES: Readonly<Record<ColumnType, WireType>> = {
  STRING: WireType.LengthDelimited,
  BOOL: WireType.Varint,
  INTEGER: WireType.Varint,
  FLOAT: WireType.Bit64,
  TIMESTAMP: WireType.Varint,
  RECORD: WireType.LengthDelimited,
};

const SCALARS: Readonly<Record<Exclude<ColumnType, 'RECORD'>, WriteValue>> = {
  STRING: (writer, value) => writer.string(value as string),
  BOOL: (writer, value) => writer.bool(value as boolean),
  INTEGER: (writer, value) => writer.int64(value as number),
  FLOAT: (writer, value) => writer.double(value as number),
  TIMESTAMP: (writer, value) => writer.int64(value as number),
};

/** A value of `undefined` is left out, which is NULL. */
export function protoEncoder<T extends object>(columns: readonly Column[]): Encode<T> {
  const write = fieldsWriter(columns);
  const writer = new BinaryWriter();
  return (row) => {
    write(writer, row);
    return writer.finish();
  };
}

function fieldsWriter(columns: readonly Column[]): WriteValue {
  const writers = columns.map((column, index) => ({
    name: column.name,
    write: columnWriter(column, index + 1),
  }));
  return (writer, row) => {
    for (const { name, write } of writers) {
      const value = (row as Fields)[name];
      if (value !== undefined) write(writer, value);
    }
  };
}

function columnWriter(column: Column, number: number): WriteValue {
  const write = valueWriter(column);
  const wireType = WIRE_TYPES[column.type];
  if (column.mode === 'NULLABLE') {
    return (writer, value) => write(writer.tag(number, wireType), value);
  }
  return (writer, values) => {
    for (const value of values as readonly unknown[]) write(writer.tag(number, wireType), value);
  };
}

function valueWriter({ type, mode, fields }: Column): WriteValue {
  if (type !== 'RECORD') return SCALARS[type];
  const write = fieldsWriter(fields);
  const encode = protoEncoder<object>(fields);
  if (mode === 'REPEATED') {
    return (writer, record) => {
      writer.fork();
      write(writer, record);
      writer.join();
    };
  }
  // Rows share the records of their invocations, so each record is encoded once.
  const encoded = new WeakMap<object, Uint8Array>();
  return (writer, record) => {
    const known = encoded.get(record as object);
    const bytes = known ?? encode(record as object);
    if (known === undefined) encoded.set(record as object, bytes);
    writer.bytes(bytes);
  };
}
