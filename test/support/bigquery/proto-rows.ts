/**
 * Rows of the Storage Write API: checks the writer's schema (a descriptor of a message) against the table's
 * columns, as https://cloud.google.com/bigquery/docs/supported-data-types has them, and decodes rows with it.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { protos } from '@google-cloud/bigquery-storage';
import { WriteError } from './errors.ts';
import type { Field, FieldType } from './schema.ts';
import { integerValue, isJson, type Row, timestampValue, type Value } from './values.ts';

type Descriptor = protos.google.protobuf.IDescriptorProto;
type FieldDescriptor = protos.google.protobuf.IFieldDescriptorProto;
const { Label, Type } = protos.google.protobuf.FieldDescriptorProto;

type ProtoType = Exclude<keyof typeof Type, 'TYPE_GROUP'>;
type Scalar = string | number | bigint | boolean | Uint8Array;

/** Which protobuf types each column takes. */
const ACCEPTED: Readonly<Record<FieldType, RegExp>> = {
  BOOLEAN: /^TYPE_(BOOL|U?INT(32|64))$/,
  BYTES: /^TYPE_(BYTES|STRING)$/,
  DATE: /^TYPE_(INT32|INT64|STRING)$/,
  DATETIME: /^TYPE_(STRING|INT64)$/,
  TIME: /^TYPE_(STRING|INT64)$/,
  FLOAT: /^TYPE_(DOUBLE|FLOAT)$/,
  GEOGRAPHY: /^TYPE_STRING$/,
  INTEGER: /^TYPE_(INT32|INT64|SINT32|SINT64|SFIXED32|SFIXED64|UINT32|FIXED32|ENUM)$/,
  JSON: /^TYPE_STRING$/,
  NUMERIC: /^TYPE_(U?INT(32|64)|DOUBLE|FLOAT|STRING|BYTES)$/,
  BIGNUMERIC: /^TYPE_(U?INT(32|64)|DOUBLE|FLOAT|STRING|BYTES)$/,
  STRING: /^TYPE_(STRING|ENUM)$/,
  TIMESTAMP: /^TYPE_(INT64|INT32|UINT32|SINT64|SFIXED64)$/,
  RECORD: /^TYPE_(MESSAGE|GROUP)$/,
};

const v1 = protos.google.cloud.bigquery.storage.v1;
const MODES = { NULLABLE: 1, REQUIRED: 2, REPEATED: 3 } as const;
const TYPES: Readonly<Record<string, string>> = {
  INTEGER: 'INT64',
  FLOAT: 'DOUBLE',
  BOOLEAN: 'BOOL',
  RECORD: 'STRUCT',
};

interface Member {
  readonly field: Field;
  readonly type: ProtoType;
  /** Of a record. */
  readonly plan?: Plan;
  readonly enumNames?: ReadonlyMap<number, string>;
}
interface Plan {
  readonly members: ReadonlyMap<number, Member>;
  readonly required: readonly Field[];
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

export class RowError extends Error {}

export class ProtoRows {
  readonly #plan: Plan;

  /** Throws a `WriteError` if the schema does not fit the columns. */
  constructor(descriptor: Descriptor, fields: readonly Field[], entity: string) {
    this.#plan = planOf({ descriptor, fields, entity, path: descriptor.name ?? 'root' });
  }

  /** Throws a `RowError` if BigQuery refuses the row. */
  decode(bytes: Uint8Array): Row {
    try {
      return decode(new BinaryReader(bytes), bytes.length, this.#plan);
    } catch (error) {
      if (error instanceof RowError) throw error;
      throw new RowError(`Cannot parse the row: ${error instanceof Error ? error.message : error}`);
    }
  }
}

interface Schemas {
  readonly descriptor: Descriptor;
  readonly fields: readonly Field[];
  readonly entity: string;
  readonly path: string;
}

function planOf(schemas: Schemas): Plan {
  const { descriptor, entity, fields, path } = schemas;
  const byName = new Map(fields.map((field) => [field.name.toLowerCase(), field]));
  const given = descriptor.field ?? [];
  const extra = given.filter(({ name }) => !byName.has(String(name).toLowerCase()));
  if (extra.length > 0) {
    const names = extra.map(({ name }) => `'${name}'`).join(', ');
    const message = `Input schema has more fields than BigQuery schema, extra fields: ${names}`;
    const storageCode = 'SCHEMA_MISMATCH_EXTRA_FIELDS';
    throw new WriteError('INVALID_ARGUMENT', message, { entity, storageCode });
  }
  const members = new Map<number, Member>();
  for (const member of given) {
    const field = byName.get(String(member.name).toLowerCase());
    if (field) members.set(member.number ?? 0, memberOf(member, field, schemas));
  }
  const present = new Set([...members.values()].map(({ field }) => field));
  const required = fields.filter(({ mode }) => mode === 'REQUIRED');
  const missing = required.find((field) => !present.has(field));
  if (missing) {
    const message = `The required field ${path}.${missing.name} is missing in the proto message.`;
    throw new WriteError('INVALID_ARGUMENT', message, { entity });
  }
  return { members, required };
}

function memberOf(member: FieldDescriptor, field: Field, schemas: Schemas): Member {
  const at = `${schemas.path}.${field.name}`;
  const type = typeName(member.type);
  const isRepeated = labelName(member.label) === 'LABEL_REPEATED';
  const refuse = (proto: string, column: string): WriteError => {
    const message = `The proto field mismatched with BigQuery field at ${at}, the proto field is ${proto}, BigQuery field is ${column}.`;
    return new WriteError('INVALID_ARGUMENT', message, { entity: schemas.entity });
  };
  if (isRepeated !== (field.mode === 'REPEATED')) {
    throw refuse(isRepeated ? 'repeated' : 'not repeated', field.mode);
  }
  if (!ACCEPTED[field.type].test(type)) {
    throw refuse(`of type ${type.slice('TYPE_'.length).toLowerCase()}`, field.type);
  }
  if (field.type === 'RECORD') return { field, type, plan: recordPlan(member, field, schemas) };
  return type === 'TYPE_ENUM'
    ? { field, type, enumNames: enumNames(member, schemas) }
    : { field, type };
}

function recordPlan(member: FieldDescriptor, field: Field, schemas: Schemas): Plan {
  const { descriptor, entity, path } = schemas;
  const name = lastPart(member.typeName);
  const nested = (descriptor.nestedType ?? []).find((type) => type.name === name);
  if (!nested) {
    const message = `Invalid proto schema: ${path}.${field.name}: "${member.typeName}" is not defined.`;
    throw new WriteError('INVALID_ARGUMENT', message, { entity });
  }
  // A nested message may also use the types that surround it.
  const inner = {
    ...nested,
    nestedType: [...(nested.nestedType ?? []), ...siblings(descriptor, name)],
  };
  const fields = field.fields ?? [];
  return planOf({ descriptor: inner, fields, entity, path: `${path}.${field.name}` });
}

function siblings(descriptor: Descriptor, name: string): readonly Descriptor[] {
  return (descriptor.nestedType ?? []).filter((type) => type.name !== name);
}

function enumNames(member: FieldDescriptor, { descriptor }: Schemas): ReadonlyMap<number, string> {
  const name = lastPart(member.typeName);
  const type = (descriptor.enumType ?? []).find((candidate) => candidate.name === name);
  return new Map((type?.value ?? []).map((value) => [value.number ?? 0, String(value.name)]));
}

function lastPart(typeName: string | null | undefined): string {
  const name = String(typeName ?? '');
  return name.slice(name.lastIndexOf('.') + 1);
}

/** protobufjs gives enums by number or by name. */
function typeName(type: FieldDescriptor['type']): ProtoType {
  return (typeof type === 'string' ? type : Type[type ?? Type.TYPE_DOUBLE]) as ProtoType;
}

function labelName(label: FieldDescriptor['label']): string {
  return typeof label === 'string' ? label : String(Label[label ?? Label.LABEL_OPTIONAL]);
}

function decode(reader: BinaryReader, end: number, plan: Plan): Row {
  const row: Record<string, Value> = {};
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    const member = plan.members.get(number);
    if (member) decodeMember({ reader, wireType, member, row });
    else reader.skip(wireType, number);
  }
  const missing = plan.required.find(({ name }) => !(name in row));
  if (missing) throw new RowError(`Field ${missing.name} is required but not set.`);
  return row;
}

function decodeMember(at: {
  readonly reader: BinaryReader;
  readonly wireType: WireType;
  readonly member: Member;
  readonly row: Record<string, Value>;
}): void {
  const { reader, row, wireType } = at;
  const { field, type, plan } = at.member;
  const items = field.mode === 'REPEATED' ? itemsOf(row, field.name) : undefined;
  const put = (value: Value): void => {
    if (items) items.push(value);
    else row[field.name] = value;
  };
  if (plan) {
    const length = reader.uint32();
    put(decode(reader, reader.pos + length, plan));
  } else if (items && wireType === WireType.LengthDelimited && !/STRING|BYTES/.test(type)) {
    const end = reader.uint32() + reader.pos; // packed
    while (reader.pos < end) put(columnValue(scalar(reader, type), at.member));
  } else {
    put(columnValue(scalar(reader, type), at.member));
  }
}

function itemsOf(row: Record<string, Value>, column: string): Value[] {
  const items = (row[column] ?? []) as Value[];
  row[column] = items;
  return items;
}

function scalar(reader: BinaryReader, type: ProtoType): Scalar {
  switch (type) {
    case 'TYPE_STRING':
      return text(reader.bytes());
    case 'TYPE_BYTES':
      return reader.bytes();
    case 'TYPE_BOOL':
      return reader.bool();
    case 'TYPE_DOUBLE':
      return reader.double();
    case 'TYPE_FLOAT':
      return reader.float();
    case 'TYPE_INT32':
    case 'TYPE_ENUM':
      return reader.int32();
    case 'TYPE_UINT32':
      return reader.uint32();
    case 'TYPE_SINT32':
      return reader.sint32();
    case 'TYPE_FIXED32':
      return reader.fixed32();
    case 'TYPE_SFIXED32':
      return reader.sfixed32();
    case 'TYPE_INT64':
      return BigInt(reader.int64());
    case 'TYPE_UINT64':
      return BigInt(reader.uint64());
    case 'TYPE_SINT64':
      return BigInt(reader.sint64());
    case 'TYPE_FIXED64':
      return BigInt(reader.fixed64());
    case 'TYPE_SFIXED64':
      return BigInt(reader.sfixed64());
    case 'TYPE_MESSAGE':
      throw new RowError('A message is no scalar.');
  }
}

function text(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new RowError('Invalid UTF-8 string.');
  }
}

function columnValue(value: Scalar, { field, enumNames }: Member): Value {
  switch (field.type) {
    case 'BOOLEAN':
      return Boolean(Number(value));
    case 'INTEGER':
      return integerValue(BigInt(value as number | bigint));
    case 'TIMESTAMP':
      return timestampValue(BigInt(value as number | bigint)) ?? outOfRange(field, value);
    case 'DATE':
      return typeof value === 'string' ? value : date(Number(value));
    case 'BYTES':
      return Buffer.from(value as Uint8Array).toString('base64');
    case 'JSON':
      if (!isJson(value as string)) throw new RowError(`Invalid JSON in field ${field.name}.`);
      return value as string;
    case 'STRING':
      return typeof value === 'number'
        ? (enumNames?.get(value) ?? String(value))
        : (value as string);
    default:
      return typeof value === 'bigint' ? integerValue(value) : (value as string | number);
  }
}

function outOfRange(field: Field, value: Scalar): never {
  throw new RowError(`Value ${value} of field ${field.name} is out of the range of ${field.type}.`);
}

function date(days: number): string {
  return new Date(days * 86_400_000).toISOString().slice(0, 10);
}

/** The columns as `WriteStream` has them. */
export function schemaMessage(
  fields: readonly Field[],
): protos.google.cloud.bigquery.storage.v1.ITableSchema {
  return { fields: fields.map(fieldMessage) };
}

function fieldMessage(field: Field): protos.google.cloud.bigquery.storage.v1.ITableFieldSchema {
  const type = TYPES[field.type] ?? field.type;
  return {
    name: field.name,
    type: v1.TableFieldSchema.Type[type as keyof typeof v1.TableFieldSchema.Type],
    mode: MODES[field.mode],
    ...(field.description === undefined ? {} : { description: field.description }),
    ...(field.fields ? { fields: field.fields.map(fieldMessage) } : {}),
  };
}
