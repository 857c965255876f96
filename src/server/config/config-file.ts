/** Reads a configuration file in YAML or JSON (which is also YAML), with the line of each key. */
import { readFile } from 'node:fs/promises';
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { toError } from '../../errors.ts';

export interface FileEntry {
  readonly key: string;
  readonly value: unknown;
  /** `postlude.yaml:3`. */
  readonly source: string;
}

export type ConfigFile =
  | { readonly entries: readonly FileEntry[] }
  | { readonly problems: readonly string[] };

/** Reads the top-level keys of a file. Problems refer to it by `name`. */
export async function readConfigFile(path: string, name: string): Promise<ConfigFile> {
  try {
    return parseConfigFile(await readFile(path, 'utf8'), name);
  } catch (error) {
    return { problems: [`${name}: cannot be read: ${toError(error).message}`] };
  }
}

export function parseConfigFile(text: string, name: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const sourceAt = (offset: number): string => `${name}:${lines.linePos(offset).line}`;
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map(({ pos, message }) => `${sourceAt(pos[0])}: ${message}`),
    };
  }
  const { contents } = document;
  if (contents === null) return { entries: [] };
  if (!isMap(contents)) return { problems: [`${name}:1: must map settings to values`] };
  return {
    entries: contents.items.map((pair) => ({
      key: isScalar(pair.key) ? String(pair.key.value) : String(pair.key),
      value: isNode(pair.value) ? pair.value.toJS(document) : null,
      source: sourceAt(isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0),
    })),
  };
}
