/**
 * The columns of a table, and which changes of them BigQuery accepts: columns may be added, also to records, if
 * they are NULLABLE or REPEATED, and a REQUIRED column may become NULLABLE. Everything else is refused.
 */
import { ApiError } from './errors.ts';

export type FieldType =
  | 'STRING'
  | 'BYTES'
  | 'INTEGER'
  | 'FLOAT'
  | 'BOOLEAN'
  | 'TIMESTAMP'
  | 'DATE'
  | 'TIME'
  | 'DATETIME'
  | 'NUMERIC'
  | 'BIGNUMERIC'
  | 'GEOGRAPHY'
  | 'JSON'
  | 'RECORD';

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly mode: 'NULLABLE' | 'REQUIRED' | 'REPEATED';
  readonly description?: string;
  readonly fields?: readonly Field[];
}

/** The service returns the older name of each type, whichever was sent. */
const OLDER_NAMES: Readonly<Record<string, FieldType>> = {
  INT64: 'INTEGER',
  FLOAT64: 'FLOAT',
  BOOL: 'BOOLEAN',
  STRUCT: 'RECORD',
};
const TYPES: ReadonlySet<string> = new Set([
  ...['STRING', 'BYTES', 'INTEGER', 'FLOAT', 'BOOLEAN', 'TIMESTAMP', 'DATE', 'TIME', 'DATETIME'],
  ...['NUMERIC', 'BIGNUMERIC', 'GEOGRAPHY', 'JSON', 'RECORD'],
]);
const MAX_DEPTH = 15;
const MAX_DESCRIPTION = 1024;

/** Reads the `fields` of a request. Throws `invalid` if the service would. */
export function parseFields(fields: unknown, depth = 0): readonly Field[] {
  if (!Array.isArray(fields)) throw invalid('The schema has no fields.');
  if (depth > MAX_DEPTH) throw invalid('Schema is nested too deeply.');
  const names = new Set<string>();
  return fields.map((raw: Readonly<Record<string, unknown>>) => {
    const field = parseField(raw, depth);
    const name = field.name.toLowerCase();
    if (names.has(name)) throw invalid(`Duplicate field name: ${field.name}`);
    names.add(name);
    return field;
  });
}

function parseField(raw: Readonly<Record<string, unknown>>, depth: number): Field {
  const name = String(raw.name ?? '');
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,299}$/.test(name)) {
    throw invalid(
      `Invalid field name "${name}". Fields must contain only letters, numbers, and underscores, start with a letter or underscore, and be at most 300 characters long.`,
    );
  }
  const description = raw.description === undefined ? undefined : String(raw.description);
  if (description !== undefined && description.length > MAX_DESCRIPTION) {
    throw invalid(
      `The description for field ${name} is too long. The maximum length is 1024 characters.`,
    );
  }
  const type = parseType(raw.type, name);
  if (type === 'RECORD' && !(Array.isArray(raw.fields) && raw.fields.length > 0)) {
    throw invalid(`Field ${name} is type RECORD but has no schema`);
  }
  return {
    name,
    type,
    mode: parseMode(raw.mode, name),
    ...(description === undefined ? {} : { description }),
    ...(type === 'RECORD' ? { fields: parseFields(raw.fields, depth + 1) } : {}),
  };
}

function parseType(raw: unknown, name: string): FieldType {
  const upper = String(raw ?? '').toUpperCase();
  const type = OLDER_NAMES[upper] ?? upper;
  if (!TYPES.has(type))
    throw invalid(`Invalid value for type of field ${name}: ${raw} is not a valid value`);
  return type as FieldType;
}

function parseMode(raw: unknown, name: string): Field['mode'] {
  const mode = String(raw ?? 'NULLABLE').toUpperCase();
  if (mode === 'NULLABLE' || mode === 'REQUIRED' || mode === 'REPEATED') return mode;
  throw invalid(`Invalid value for mode of field ${name}: ${raw} is not a valid value`);
}

/** Returns the columns after the change: those that there were, in their order, then the new ones. */
export function changeFields(change: {
  readonly table: string;
  readonly from: readonly Field[];
  readonly to: readonly Field[];
  readonly path?: string;
}): readonly Field[] {
  const { table, from, to, path = '' } = change;
  const refuse = (why: string): ApiError =>
    invalid(`Provided Schema does not match Table ${table}. ${why}`);
  const changed = from.map((old) => {
    const now = to.find(({ name }) => name.toLowerCase() === old.name.toLowerCase());
    const at = `${path}${old.name}`;
    if (!now) throw refuse(`Field ${at} is missing in new schema`);
    if (now.type !== old.type) {
      throw refuse(`Field ${at} has changed type from ${old.type} to ${now.type}`);
    }
    const relaxes = old.mode === 'REQUIRED' && now.mode === 'NULLABLE';
    if (now.mode !== old.mode && !relaxes) {
      throw refuse(`Field ${at} has changed mode from ${old.mode} to ${now.mode}`);
    }
    if (!old.fields) return now;
    const fields = changeFields({ table, from: old.fields, to: now.fields ?? [], path: `${at}.` });
    return { ...now, fields };
  });
  const added = to.filter(
    ({ name }) => !from.some((old) => old.name.toLowerCase() === name.toLowerCase()),
  );
  const required = added.find(({ mode }) => mode === 'REQUIRED');
  if (required) {
    throw refuse(
      `Cannot add required fields to an existing schema. (field: ${path}${required.name})`,
    );
  }
  return [...changed, ...added];
}

function invalid(message: string): ApiError {
  return new ApiError(400, 'invalid', message);
}
