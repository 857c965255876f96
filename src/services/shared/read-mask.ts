/** Field masks on reads: they select which fields of a message a response contains. */
import { clearField, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import { type ReflectMap, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { invalid } from './field.ts';

/**
 * The fields to keep, by their names in the proto files; of a map, the keys; of a list, `*` for each of its
 * items. `'all'` keeps everything that is inside.
 */
export type ReadMask = ReadonlyMap<string, ReadMask | 'all'>;

const STAR = '*';
/** A name, a key, or a key in backquotes, which may have any characters and doubles those within. */
const SEGMENT = /^(?:`((?:[^`]|``)*)`|([^.`]*))(?:\.|$)/;

type Path = readonly string[];

/**
 * Paths name fields, fields of message fields (`test_metadata.name`) and of the items of lists
 * (`tags.*.key`), and keys of maps (`variant.def.os`, `` variant.def.`a.b` ``); a `*` at the end names all.
 * Throws `invalid-argument` if a path names no field.
 */
export function parseReadMask(schema: DescMessage, paths: readonly string[]): ReadMask | 'all' {
  return paths.length === 0 ? new Map() : parseFields(schema, paths.map(splitPath));
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

function splitPath(path: string): Path {
  const segments: string[] = [];
  let rest: string | undefined = path;
  while (rest !== undefined) {
    const found = SEGMENT.exec(rest);
    if (!found) throw invalid(`${JSON.stringify(path)} is not a path`);
    const [whole, quoted, plain = ''] = found;
    segments.push(quoted === undefined ? plain : quoted.replaceAll('``', '`'));
    rest = whole.endsWith('.') ? rest.slice(whole.length) : undefined;
  }
  return segments;
}

function parseFields(schema: DescMessage, paths: readonly Path[]): ReadMask | 'all' {
  if (paths.some((path) => path.length === 0)) return 'all';
  const [starred, named] = partition(paths);
  const [, beyond] = starred.find((path) => path.length > 1) ?? [];
  if (beyond !== undefined) throw invalid(`no field ${JSON.stringify(beyond)} after a star`);
  const fields = [...Map.groupBy(named, ([name = '']) => name)].map(([name, group]) => {
    const field = schema.fields.find((candidate) => candidate.name === name);
    if (field === undefined) throw invalid(`no field ${JSON.stringify(name)} in ${schema.name}`);
    return [name, parseField(field, group.map(withoutFirst))] as const;
  });
  return starred.length > 0 ? 'all' : new Map(fields);
}

/** `paths` are those within the field. */
function parseField(field: DescField, paths: readonly Path[]): ReadMask | 'all' {
  if (paths.every((path) => path.length === 0)) return 'all';
  const mask = parseInside(field, paths);
  return paths.some((path) => path.length === 0) ? 'all' : mask;
}

function parseInside(field: DescField, paths: readonly Path[]): ReadMask | 'all' {
  const inside = paths.filter((path) => path.length > 0);
  if (field.fieldKind === 'message') return parseFields(field.message, inside);
  if (field.fieldKind === 'list') return parseItems(field, inside);
  if (field.fieldKind === 'map') return parseKeys(field, inside);
  throw invalid(`field ${JSON.stringify(field.name)} has no fields to choose from`);
}

function parseItems(field: DescField, paths: readonly Path[]): ReadMask | 'all' {
  const [starred, named] = partition(paths);
  const [other] = named;
  if (other) {
    throw invalid(
      `expected a star after the list ${JSON.stringify(field.name)}, not "${other[0]}"`,
    );
  }
  const mask = parseValue(field, starred.map(withoutFirst));
  return mask === 'all' ? 'all' : new Map([[STAR, mask]]);
}

function parseKeys(field: DescField, paths: readonly Path[]): ReadMask | 'all' {
  const [starred, named] = partition(paths);
  const everywhere = starred.map(withoutFirst);
  const each = starred.length > 0 ? parseValue(field, everywhere) : undefined;
  if (each === 'all') return 'all';
  const keys = [...Map.groupBy(named, ([key = '']) => key)].map(
    ([key, group]) =>
      [key, parseValue(field, [...group.map(withoutFirst), ...everywhere])] as const,
  );
  return new Map([...keys, ...(each ? [[STAR, each] as const] : [])]);
}

/** `paths` are those within a value of a list or of a map. */
function parseValue(field: DescField, paths: readonly Path[]): ReadMask | 'all' {
  if (field.message) return parseFields(field.message, paths);
  if (paths.every((path) => path.length === 0)) return 'all';
  throw invalid(`values of ${JSON.stringify(field.name)} have no fields to choose from`);
}

function partition(paths: readonly Path[]): [starred: readonly Path[], named: readonly Path[]] {
  const isStarred = ([first]: Path): boolean => first === STAR;
  return [paths.filter(isStarred), paths.filter((path) => !isStarred(path))];
}

function withoutFirst(path: Path): Path {
  return path.slice(1);
}

function prune(message: ReflectMessage, mask: ReadMask): void {
  for (const field of message.fields) {
    const inner = mask.get(field.name);
    if (inner === undefined) clearField(message.message, field);
    else if (inner !== 'all' && message.isSet(field)) pruneField(message, field, inner);
  }
}

function pruneField(message: ReflectMessage, field: DescField, mask: ReadMask): void {
  if (field.fieldKind === 'message') {
    const value = message.get(field);
    prune(value, mask);
    message.set(field, value); // What is reflected of a Struct is a copy.
  } else if (field.fieldKind === 'list') {
    const inner = mask.get(STAR);
    for (const item of message.get(field)) {
      if (inner && inner !== 'all') prune(item as ReflectMessage, inner);
    }
  } else if (field.fieldKind === 'map') pruneMap(message.get(field), mask);
}

function pruneMap(map: ReflectMap, mask: ReadMask): void {
  for (const key of [...map.keys()]) {
    const inner = mask.get(String(key)) ?? mask.get(STAR);
    if (inner === undefined) map.delete(key);
    else if (inner !== 'all') {
      const value = map.get(key) as ReflectMessage;
      prune(value, inner);
      map.set(key, value);
    }
  }
}
