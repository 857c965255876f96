/**
 * Encodes rows as the protocol buffers that proto-schema.ts describes. The encoder of a table is built from
 * its columns once, as a million rows go through it.
 */
import { WireType } from '@bufbuild/protobuf/wire';
import type { Column, ColumnType } from '../../rows/schema.ts';
import { ProtoWriter } from './proto-writer.ts';

type Encode<T> = (value: T) => Uint8Array;
type WriteValue = (writer: ProtoWriter, value: unknown) => void;
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
  STRING: (writer, value) => writer.text(value as string),
  BOOL: (writer, value) => writer.varint(value ? 1 : 0),
  INTEGER: (writer, value) => writer.varint(value as number),
  FLOAT: (writer, value) => writer.double(value as number),
  TIMESTAMP: (writer, value) => writer.varint(value as number),
};

/** A value of `undefined` is left out, which is NULL. */
export function protoEncoder<T extends object>(columns: readonly Column[]): Encode<T> {
  const write = fieldsWriter(columns);
  const writer = new ProtoWriter();
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
  const tag = number * 8 + WIRE_TYPES[column.type];
  const writeTagged: WriteValue = (writer, value) => {
    writer.varint(tag);
    write(writer, value);
  };
  if (column.mode === 'NULLABLE') return writeTagged;
  return (writer, values) => {
    for (const value of values as readonly unknown[]) writeTagged(writer, value);
  };
}

function valueWriter({ type, fields }: Column): WriteValue {
  if (type !== 'RECORD') return SCALARS[type];
  const write = fieldsWriter(fields);
  return (writer, record) => {
    const start = writer.beginNested();
    write(writer, record);
    writer.endNested(start);
  };
}
