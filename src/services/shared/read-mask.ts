/** Field masks on reads: they select which fields of a message a response contains. */
import { clearField, type DescMessage, type Message } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { invalid } from './field.ts';

/** The fields to keep, by their names in the proto files. `'all'` keeps a field with everything in it. */
export type ReadMask = ReadonlyMap<string, ReadMask | 'all'>;

/**
 * Paths name fields, and fields of message fields (`test_metadata.name`); `*` names all. Throws
 * `invalid-argument` if a path names no field.
 */
export function parseReadMask(schema: DescMessage, paths: readonly string[]): ReadMask | 'all' {
  if (paths.includes('*')) return 'all';
  const fields = Map.groupBy(
    paths.map((path) => splitPath(path)),
    ([name]) => name,
  );
  return new Map(
    [...fields].map(([name, group]) => [name, parseField(schema, name, group)] as const),
  );
}

/** Clears each field of `message` that the mask does not name. */
export function applyReadMask<T extends Message>(
  schema: DescMessage,
  message: T,
  mask: ReadMask | 'all',
): T {
  if (mask !== 'all') prune(reflect(schema, message), mask);
  return message;
}

type Path = readonly [name: string, rest: string | undefined];

function splitPath(path: string): Path {
  const dot = path.indexOf('.');
  return dot < 0 ? [path, undefined] : [path.slice(0, dot), path.slice(dot + 1)];
}

function parseField(schema: DescMessage, name: string, group: readonly Path[]): ReadMask | 'all' {
  const field = schema.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw invalid(`no field ${JSON.stringify(name)} in ${schema.name}`);
  const rests = group.flatMap(([, rest]) => (rest === undefined ? [] : [rest]));
  if (rests.length > 0 && field.fieldKind !== 'message') {
    throw invalid(`field ${JSON.stringify(name)} has no fields to choose from`);
  }
  if (field.fieldKind !== 'message') return 'all';
  const inner = rests.length > 0 ? parseReadMask(field.message, rests) : 'all';
  return rests.length < group.length ? 'all' : inner;
}

function prune(message: ReflectMessage, mask: ReadMask): void {
  for (const field of message.fields) {
    const inner = mask.get(field.name);
    if (inner === undefined) clearField(message.message, field);
    else if (inner !== 'all' && field.fieldKind === 'message' && message.isSet(field)) {
      prune(message.get(field), inner);
    }
  }
}
