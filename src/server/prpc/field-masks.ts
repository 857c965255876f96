/**
 * Field masks in JSON. Protobuf writes them as one string of paths in camel case. LUCI's servers also accept the
 * form `{"paths": ["…"]}`, whose paths are those of the proto files, and paths that only they understand, such as `*`, which their clients send. So masks
 * are taken out of the JSON before it is decoded, and put into the message afterwards.
 */
import { create, type DescField, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { type FieldMask, FieldMaskSchema } from '@bufbuild/protobuf/wkt';

/** From a message to one that it contains. */
interface Step {
  readonly field: DescField;
  /** The index in a list, or the key in a map. */
  readonly at?: number | string;
}

interface Found {
  readonly steps: readonly Step[];
  readonly field: DescField;
  readonly mask: FieldMask;
}

export interface TakenMasks {
  /** `message` is decoded from the JSON without its masks. */
  putInto(message: object): void;
}

/** Removes all masks from the JSON. Throws if one is neither a string nor an object with paths. */
export function takeFieldMasks(desc: DescMessage, json: JsonValue): TakenMasks {
  const found: Found[] = [];
  take(desc, json, { steps: [], found });
  return {
    putInto(message) {
      if (found.length === 0) return;
      const root = reflect(desc, message as never);
      for (const each of found) put(root, each);
    },
  };
}

interface Search {
  readonly steps: readonly Step[];
  readonly found: Found[];
}

function take(desc: DescMessage, json: JsonValue, { steps, found }: Search): void {
  if (!isObject(json) || desc.typeName.startsWith('google.protobuf.')) return;
  for (const [name, value] of Object.entries(json)) {
    const field = desc.fields.find((each) => each.jsonName === name || each.name === name);
    if (!field?.message) continue;
    const inner = (at?: number | string): Search => ({
      found,
      steps: [...steps, at === undefined ? { field } : { field, at }],
    });
    const { message } = field;
    if (field.fieldKind === 'message' && isFieldMask(message)) {
      delete json[name];
      if (value !== null) found.push({ steps, field, mask: parseMask(name, value) });
    } else if (field.fieldKind === 'message') take(message, value, inner());
    else for (const [at, each] of elementsOf(value)) take(message, each, inner(at));
  }
}

function elementsOf(json: JsonValue): Iterable<[number | string, JsonValue]> {
  if (Array.isArray(json)) return json.entries();
  return isObject(json) ? Object.entries(json) : [];
}

function isFieldMask({ typeName }: DescMessage): boolean {
  return typeName === FieldMaskSchema.typeName;
}

function isObject(json: JsonValue | undefined): json is { [key: string]: JsonValue } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function parseMask(name: string, json: JsonValue): FieldMask {
  const paths = pathsIn(json);
  if (!paths) throw new Error(`${name} is no field mask`);
  return create(FieldMaskSchema, { paths: [...paths] });
}

function pathsIn(json: JsonValue): readonly string[] | undefined {
  if (typeof json === 'string') return splitPaths(json).map(snakeCase);
  const paths = isObject(json) ? (json.paths ?? []) : undefined;
  return Array.isArray(paths) && paths.every(isText) ? paths : undefined;
}

function isText(json: JsonValue): json is string {
  return typeof json === 'string';
}

/** Commas within backquotes belong to a path. */
function splitPaths(text: string): readonly string[] {
  if (text === '') return [];
  const paths: string[] = [];
  let isQuoted = false;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '`') isQuoted = !isQuoted;
    if (text[at] !== ',' || isQuoted) continue;
    paths.push(text.slice(start, at));
    start = at + 1;
  }
  return [...paths, text.slice(start)];
}

function snakeCase(path: string): string {
  return path.replaceAll(/\p{Lu}/gu, (letter) => `_${letter.toLowerCase()}`);
}

function put(root: ReflectMessage, { steps, field, mask }: Found): void {
  const message = steps.reduce<ReflectMessage | undefined>(follow, root);
  message?.set(field, reflect(FieldMaskSchema, mask));
}

/** Returns `undefined` if the message was not decoded, such as that of a field that is `null`. */
function follow(message: ReflectMessage | undefined, { field, at }: Step) {
  const value = message?.get(field) as
    | (ReflectMessage & { get(at: unknown): ReflectMessage | undefined })
    | undefined;
  return at === undefined ? value : value?.get(at);
}
