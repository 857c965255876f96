/** The fields of an invocation that its owner can change, and the masks that name them. */
import { type Invocation, InvocationSchema } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { inField, invalid } from '../../shared/field.ts';
import { checkPropertyKey } from './extended-fields.ts';

const UPDATABLE = {
  deadline: 'deadline',
  module_id: 'moduleId',
  bigquery_exports: 'bigqueryExports',
  properties: 'properties',
  tags: 'tags',
  source_spec: 'sourceSpec',
  is_source_spec_final: 'isSourceSpecFinal',
  baseline_id: 'baselineId',
  realm: 'realm',
  instructions: 'instructions',
  extended_properties: 'extendedProperties',
  state: 'state',
} as const;

export type UpdatableField = (typeof UPDATABLE)[keyof typeof UPDATABLE];

export interface UpdateMask {
  readonly fields: ReadonlySet<UpdatableField>;
  /** The extended properties that change; `undefined` if they are replaced as a whole, or not at all. */
  readonly keys: ReadonlySet<string> | undefined;
}

/** `*` names all fields that the request sets. Throws `invalid-argument`. */
export function parseUpdateMask(paths: readonly string[], invocation: Invocation): UpdateMask {
  if (paths.length === 0) throw invalid('paths is empty');
  const fields = new Set<UpdatableField>();
  const keys = new Set<string>();
  let isWhole = false;
  for (const path of paths) {
    if (path === '*') for (const field of fieldsIn(invocation)) fields.add(field);
    else {
      const { field, key } = parsePath(path);
      fields.add(field);
      if (key !== undefined) keys.add(key);
      else if (field === 'extendedProperties') isWhole = true;
    }
  }
  return { fields, keys: isWhole || keys.size === 0 ? undefined : keys };
}

function parsePath(path: string): { field: UpdatableField; key: string | undefined } {
  const [name = '', ...rest] = path.split('.');
  if (!InvocationSchema.fields.some((field) => field.name === name)) {
    throw invalid(`field ${JSON.stringify(name)} does not exist in message Invocation`);
  }
  const [key] = rest;
  if (key !== undefined && name !== 'extended_properties') {
    throw invalid(`${JSON.stringify(name)} should not have any submask`);
  }
  if (key !== undefined) {
    inField(`extended_properties: key ${JSON.stringify(key)}`, () => checkPropertyKey(key));
    if (rest.length > 1) {
      throw invalid(`extended_properties[${JSON.stringify(key)}] should not have any submask`);
    }
  }
  if (!(name in UPDATABLE)) throw invalid(`unsupported path ${JSON.stringify(name)}`);
  return { field: UPDATABLE[name as keyof typeof UPDATABLE], key };
}

function fieldsIn(invocation: Invocation): readonly UpdatableField[] {
  return Object.values(UPDATABLE).filter((field) => {
    const value = invocation[field];
    if (Array.isArray(value)) return value.length > 0;
    if (field === 'extendedProperties') return Object.keys(invocation[field]).length > 0;
    return Boolean(value);
  });
}
