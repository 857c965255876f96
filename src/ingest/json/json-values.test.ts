import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReportDamage } from '../report.ts';
import { type JsonPath, JsonValues } from './json-values.ts';

describe('JsonValues', () => {
  it('yields what JSON.parse would, wherever the text is cut and however deep it walks', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(4), fc.integer({ min: 1, max: 9 }), (text, depth, size) => {
        expect(rebuild(text, depth, size)).toEqual(asPlain(JSON.parse(text)));
      }),
    );
  });

  it('accepts exactly the documents that JSON.parse accepts', () => {
    const damage = fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...'{}[],:"1nx\\ \n'.split('')));
    fc.assert(
      fc.property(damage, fc.nat(3), ([json, at, char], depth) => {
        const place = at % (json.length + 1);
        const text = json.slice(0, place) + char + json.slice(place + (at % 2));
        expect(accepts(() => rebuild(text, depth, 3))).toBe(accepts(() => JSON.parse(text)));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['a document that is cut', '{"a": [1,\n2', 2, 'ends in the middle'],
    ['an empty file', '', 1, 'ends in the middle'],
    ['a second document', '{}\n{}', 2, 'unexpected "{"'],
    ['a value that is no JSON', '{"a":\n\ntru}', 3, 'not JSON'],
    ['a comma too many', '[1,]', 1, 'unexpected "]"'],
  ])('refuses %s, naming the line', (_, text, line, message) => {
    const error = errorOf(() => rebuild(text, 5, 4));
    expect(error.line).toBe(line);
    expect(error.message).toContain(message);
  });

  it('rejects a value beyond the limit before it is complete', () => {
    const values = new JsonValues({ descends: () => false, onValue: () => {}, maxLength: 10 });
    expect(errorOf(() => values.push('["0123456789')).message).toContain('longer than 10');
  });

  it('calls back when a container that it walked into ends', () => {
    const ended: string[] = [];
    const values = new JsonValues({
      descends: (path) => path.length < 2,
      onValue: (path) => ended.push(`value ${path.join('.')}`),
      onEnd: (path) => ended.push(`end ${path.join('.')}`),
    });
    values.push('{"a":[1,{"b":2}],"c":3}');
    values.end();
    expect(ended).toEqual(['value a.0', 'value a.1', 'end a', 'value c', 'end ']);
  });
});

type Json = unknown;

/** Rebuilds a document from the yielded values, to compare it with the original. */
function rebuild(text: string, depth: number, size: number): Json {
  const root = new Map<string, Json>();
  const values = new JsonValues({
    descends: (path) => path.length < depth,
    onValue: (path, value) => set(root, path, asPlain(value)),
    onEnd: (path) => set(root, path, undefined),
  });
  for (let at = 0; at < text.length; at += size) values.push(text.slice(at, at + size));
  values.end();
  return root.get('$');
}

/** Containers are maps, so that arrays and objects both grow by key, and `__proto__` is a key. */
function set(root: Map<string, Json>, path: JsonPath, value: Json): void {
  let at = root;
  const keys = ['$', ...path.map(String)];
  for (const key of keys.slice(0, -1)) at = child(at, key);
  const last = keys.at(-1) ?? '$';
  if (value === undefined) child(at, last);
  else at.set(last, value);
}

function child(parent: Map<string, Json>, key: string): Map<string, Json> {
  const existing = parent.get(key);
  if (existing instanceof Map) return existing;
  const made = new Map<string, Json>();
  parent.set(key, made);
  return made;
}

function asPlain(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, inner]) => [key, asPlain(inner)]));
}

function accepts(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

function errorOf(read: () => unknown): ReportDamage {
  try {
    read();
  } catch (error) {
    if (error instanceof ReportDamage) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
