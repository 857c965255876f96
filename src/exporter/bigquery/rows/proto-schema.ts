/**
 * Describes rows as a protocol buffer, as the Storage Write API wants it: fields have the names of the
 * columns, and presence, so that a missing value is NULL. Columns are numbered from 1 in their order, which
 * is safe as new ones are only ever added at the end.
 */
import type { Column, ColumnType } from '../../rows/schema.ts';

/** A google.protobuf.DescriptorProto, as protobufjs takes it. */
export interface MessageDescriptor {
  readonly name: string;
  readonly field: readonly FieldDescriptor[];
  readonly nestedType: readonly MessageDescriptor[];
}

interface FieldDescriptor {
  readonly name: string;
  readonly number: number;
  readonly label: 'LABEL_OPTIONAL' | 'LABEL_REPEATED';
  readonly type: string;
  readonly typeName?: string;
}

/** A TIMESTAMP is an int64 that counts microseconds. */
const PROTO_TYPES: Readonly<Record<ColumnType, string>> = {
  STRING: 'TYPE_STRING',
  BOOL: 'TYPE_BOOL',
  INTEGER: 'TYPE_INT64',
  FLOAT: 'TYPE_DOUBLE',
  TIMESTAMP: 'TYPE_INT64',
  RECORD: 'TYPE_MESSAGE',
};

/** Records become messages within the message of their row, so that the descriptor stands alone. */
export function toMessageDescriptor(columns: readonly Column[], name = 'Row'): MessageDescriptor {
  const records = columns.filter(({ type }) => type === 'RECORD');
  return {
    name,
    field: columns.map(toFieldDescriptor),
    nestedType: records.map((record) => toMessageDescriptor(record.fields, typeName(record))),
  };
}

function toFieldDescriptor(column: Column, index: number): FieldDescriptor {
  const { name, type, mode } = column;
  const label = mode === 'REPEATED' ? 'LABEL_REPEATED' : 'LABEL_OPTIONAL';
  const field: FieldDescriptor = { name, number: index + 1, label, type: PROTO_TYPES[type] };
  return type === 'RECORD' ? { ...field, typeName: typeName(column) } : field;
}

/** A type and a field of one message must not have the same name. */
function typeName({ name }: Column): string {
  return `${name}_record`;
}
