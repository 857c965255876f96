/** Reads a configuration file in YAML or JSON (which is also YAML), with the line of each key. */
import type { FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { NOT_REGULAR, openRegularFile, toError } from '@postlude/queue/foundations';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml';

export interface FileEntry {
  readonly key: string;
  readonly value: unknown;
  /** `postlude.yaml:3`. */
  readonly source: string;
}

export interface ReadFile {
  readonly text: string;
  /** Says why no secret should be in this file; `undefined` if no other user can read or change it. */
  readonly exposure: string | undefined;
}

export interface ReadEntries extends Pick<ReadFile, 'exposure'> {
  readonly entries: readonly FileEntry[];
}

/** Far more than any configuration has; the time to read a file grows with it. */
const MAX_BYTES = 1024 ** 2;

/** Returns `undefined` for a file that cannot be read, and adds that to `problems`, after its `source`. */
export async function readText(
  file: string,
  source: string,
  problems: string[],
): Promise<ReadFile | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await openRegularFile(file);
    if (handle === undefined) throw new Error(NOT_REGULAR);
    const stats = await handle.stat();
    if (stats.size > MAX_BYTES) throw new Error(tooLarge(stats.size));
    const exposure = exposureOf(file, stats);
    return { text: await handle.readFile('utf8'), exposure };
  } catch (error) {
    problems.push(`${source}: cannot be read: ${toError(error).message}`);
    return undefined;
  } finally {
    await handle?.close();
  }
}

function tooLarge(bytes: number): string {
  return `it has ${bytes} bytes, and each file may have ${MAX_BYTES}: move the realms to a file of their own (realmsFile), or grant to patterns of callers`;
}

const GROUP_READS = 0o040;
const OTHERS = 0o077;

/**
 * Says who else can read or change a file, and how to change that; `undefined` if nobody can. The mode is
 * that of the file itself, also if links lead to it, as in the volumes of Kubernetes. A file of root may
 * be readable for its group: that is how Kubernetes (`fsGroup`) and other supervisors hand a secret to a
 * user who does not own it.
 */
export function exposureOf(
  file: string,
  { mode, uid }: { readonly mode: number; readonly uid: number },
): string | undefined {
  if (process.platform === 'win32') return undefined; // it has no such modes
  const open = mode & OTHERS & (uid === 0 ? ~GROUP_READS : -1);
  if (open === 0) return undefined;
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  return `other users can open ${file} (mode ${octal}): run chmod 600 ${file}, or mount it with mode 0440 in a container`;
}

/** Returns the top-level keys of a file, or none if it adds to `problems`. */
export async function readConfigFile(
  file: string,
  source: string,
  problems: string[],
): Promise<ReadEntries> {
  const read = await readText(file, source, problems);
  if (read === undefined) return { entries: [], exposure: undefined };
  return { ...read, entries: entriesOf(read.text, file, problems) };
}

/** The library recurses, so a text that nests a thousand times exhausts the stack. */
function entriesOf(text: string, file: string, problems: string[]): readonly FileEntry[] {
  try {
    return entriesIn(text, file, problems);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    problems.push(`${basename(file)}: nests too deeply`);
    return [];
  }
}

function entriesIn(text: string, file: string, problems: string[]): readonly FileEntry[] {
  const lines = new LineCounter();
  const options = {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
    uniqueKeys: false, // The library compares each key with each other one.
  } as const;
  const document = parseDocument(text, options);
  const sourceAt = (offset: number): string => `${basename(file)}:${lines.linePos(offset).line}`;
  const { contents, errors } = document;
  const before = problems.length;
  problems.push(...errors.map(({ pos, message }) => `${sourceAt(pos[0])}: ${message}`));
  for (const at of repeatedKeys(document)) {
    problems.push(`${sourceAt(at)}: Map keys must be unique`);
  }
  if (contents === null || problems.length > before) return [];
  if (isMap(contents)) {
    return contents.items.flatMap(({ key, value }) => {
      const source = sourceAt(isNode(key) ? (key.range?.[0] ?? 0) : 0);
      const name = String(isScalar(key) ? key.value : key);
      try {
        return [{ key: name, value: isNode(value) ? value.toJS(document) : null, source }];
      } catch (error) {
        // An alias without an anchor, or aliases of aliases that would become millions of values.
        problems.push(`${source}: ${toError(error).message}`);
        return [];
      }
    });
  }
  problems.push(`${sourceAt(0)}: must map settings to values`);
  return [];
}

/** Returns the offsets of keys that their map already has. */
function repeatedKeys(document: Document): number[] {
  const repeated: number[] = [];
  visit(document, {
    Map: (_key, map) => {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) repeated.push(key.range?.[0] ?? 0);
        seen.add(key.value);
      }
    },
  });
  return repeated;
}
