/** Adds the columns that an existing table lacks. Nothing is ever removed, renamed or retyped. */
import { CodedError } from '@postlude/queue/foundations';
import type { Field } from './table-definition.ts';

/** The service knows each of these types by two names. */
const SAME_TYPES: Readonly<Record<string, string>> = {
  BOOLEAN: 'BOOL',
  INT64: 'INTEGER',
  FLOAT64: 'FLOAT',
  STRUCT: 'RECORD',
};

/**
 * Returns the table's columns in their order, with the missing ones at the end of the table and of each
 * record, or `undefined` if none is missing. Throws `invalid-argument` if a column of the table cannot hold
 * our values, or if rows without it are refused.
 */
export function extendSchema(
  present: readonly Field[],
  wanted: readonly Field[],
): readonly Field[] | undefined {
  const extension = extendFields(present, wanted, '');
  return extension.isLonger ? extension.fields : undefined;
}

interface Extension {
  readonly fields: readonly Field[];
  readonly isLonger: boolean;
}

function extendFields(
  present: readonly Field[],
  wanted: readonly Field[],
  path: string,
): Extension {
  const wantedByName = new Map(wanted.map((field) => [keyOf(field), field]));
  const extensions = present.map((field) =>
    extendField(field, wantedByName.get(keyOf(field)), path),
  );
  const names = new Set(present.map(keyOf));
  const missing = wanted.filter((field) => !names.has(keyOf(field)));
  return {
    fields: [...extensions.map(({ field }) => field), ...missing],
    isLonger: missing.length > 0 || extensions.some(({ isLonger }) => isLonger),
  };
}

function extendField(present: Field, wanted: Field | undefined, path: string) {
  const name = `${path}${present.name}`;
  if (wanted === undefined) {
    if (modeOf(present) !== 'REQUIRED') return { field: present, isLonger: false };
    throw invalid(`column ${name} is REQUIRED, and exported rows do not have it`);
  }
  checkType(present, wanted, name);
  if (wanted.fields === undefined) return { field: present, isLonger: false };
  const { fields, isLonger } = extendFields(present.fields ?? [], wanted.fields, `${name}.`);
  return { field: { ...present, fields }, isLonger };
}

function checkType(present: Field, wanted: Field, name: string): void {
  const isRepeated = modeOf(present) === 'REPEATED';
  const isSame =
    typeOf(present) === typeOf(wanted) && isRepeated === (modeOf(wanted) === 'REPEATED');
  if (isSame) return;
  throw invalid(
    `column ${name} is ${modeOf(present)} ${present.type}, and not ${modeOf(wanted)} ${wanted.type}`,
  );
}

/** Names of columns are the same whatever their case. */
function keyOf({ name }: Field): string {
  return name.toLowerCase();
}

function modeOf({ mode }: Field): string {
  return mode ?? 'NULLABLE';
}

function typeOf({ type }: Field): string {
  return SAME_TYPES[type] ?? type;
}

function invalid(message: string): CodedError {
  return new CodedError('invalid-argument', `the table does not fit: ${message}`);
}
