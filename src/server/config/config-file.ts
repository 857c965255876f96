/** Reads a configuration file in YAML or JSON (which is also YAML), with the line of each key. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { toError } from '@postlude/queue/foundations';
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';

export interface FileEntry {
  readonly key: string;
  readonly value: unknown;
  /** `postlude.yaml:3`. */
  readonly source: string;
}

/** Returns `undefined` for a file that cannot be read, and adds that to `problems`, after its `source`. */
export async function readText(
  file: string,
  source: string,
  problems: string[],
): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    problems.push(`${source}: cannot be read: ${toError(error).message}`);
    return undefined;
  }
}

/** Returns the top-level keys of a file, or none if it adds to `problems`. */
export async function readConfigFile(
  file: string,
  source: string,
  problems: string[],
): Promise<readonly FileEntry[]> {
  const text = await readText(file, source, problems);
  if (text === undefined) return [];
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const sourceAt = (offset: number): string => `${basename(file)}:${lines.linePos(offset).line}`;
  const { contents, errors } = document;
  problems.push(...errors.map(({ pos, message }) => `${sourceAt(pos[0])}: ${message}`));
  if (contents === null || errors.length > 0) return [];
  if (isMap(contents)) {
    return contents.items.map(({ key, value }) => ({
      key: String(isScalar(key) ? key.value : key),
      value: isNode(value) ? value.toJS(document) : null,
      source: sourceAt(isNode(key) ? (key.range?.[0] ?? 0) : 0),
    }));
  }
  problems.push(`${sourceAt(0)}: must map settings to values`);
  return [];
}
