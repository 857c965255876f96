/**
 * What two servers answered differently to the same cases:
 * - `code`: another code, or no answer;
 * - `header`: only one of them returned an update token;
 * - `body`: both accepted the request, and a field of their answers differs;
 * - `text`: both refused it with the same code, and name different fields at the beginning of the message.
 *
 * Times that are now, tokens and random ids count only by their presence.
 */
import type { JsonValue } from '@bufbuild/protobuf';
import type { Answer } from './case.ts';

export const KINDS = ['code', 'header', 'body', 'text'] as const;

export type Kind = (typeof KINDS)[number];

export interface Difference {
  readonly id: string;
  readonly kind: Kind;
  readonly theirs: string;
  readonly ours: string;
}

/** Returns at most one difference, unless both accepted the request: then one for each field. */
export function compareAnswers(theirs: Answer, ours: Answer | undefined): readonly Difference[] {
  const { id } = theirs;
  if (ours === undefined || theirs.code !== ours.code) {
    return [{ id, kind: 'code', theirs: outcome(theirs), ours: ours ? outcome(ours) : 'not sent' }];
  }
  if ((theirs.token ?? false) !== (ours.token ?? false)) {
    const say = ({ token }: Answer): string => (token ? 'a token' : 'no token');
    return [{ id, kind: 'header', theirs: say(theirs), ours: say(ours) }];
  }
  if (theirs.code === 'OK') return compareBodies(theirs, ours);
  const [path, ourPath] = [fieldPath(theirs.message), fieldPath(ours.message)];
  if (path === ourPath) return [];
  return [{ id, kind: 'text', theirs: outcome(theirs), ours: outcome(ours) }];
}

function outcome({ code, message }: Answer): string {
  return message === undefined ? code : `${code}: ${message}`;
}

function compareBodies(theirs: Answer, ours: Answer): readonly Difference[] {
  const [a, b] = [fieldsOf(theirs.body ?? {}), fieldsOf(ours.body ?? {})];
  const paths = [...new Set([...a.keys(), ...b.keys()])].sort();
  const differing = paths.filter((path) => a.get(path) !== b.get(path));
  return differing.map((path) => ({
    id: theirs.id,
    kind: 'body',
    theirs: `${path}: ${a.get(path) ?? 'absent'}`,
    ours: `${path}: ${b.get(path) ?? 'absent'}`,
  }));
}

const FIELD = /^[a-z_]+(?:\[\d+\])?(?:\.[a-z_]+(?:\[\d+\])?)*$/;
/** The key of a map, or a pair: `"os":"linux"`. */
const KEYS = /^"[^"]*"(?::"[^"]*")?$/;

/** Returns the fields that a message begins with: `requests[1]: test_result: test_id`. */
export function fieldPath(message = ''): string {
  const parts = message.replace(/^bad request: /, '').split(': ');
  const end = parts.findIndex((part) => !FIELD.test(part) && !KEYS.test(part));
  // The last part says what is wrong, even if it is one word.
  return parts.slice(0, end < 0 ? -1 : end).join(': ');
}

function fieldsOf(body: JsonValue): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  collect(body, '', fields);
  return fields;
}

function collect(json: JsonValue, path: string, into: Map<string, string>): void {
  if (Array.isArray(json)) {
    into.set(`${path}.length`, String(json.length));
    for (const [index, each] of json.entries()) collect(each, `${path}[${index}]`, into);
  } else if (typeof json === 'object' && json !== null) {
    const entries = Object.entries(json);
    if (entries.length === 0) into.set(path, '{}');
    for (const [key, value] of entries) collect(value, path ? `${path}.${key}` : key, into);
  } else into.set(path, normalized(path, String(json)));
}

const OF_NOW = /(?:^|\.)(?:createTime|finalizeTime|finalizeStartTime|deadline|startTime)$/;
const OPAQUE = /(?:^|\.)(?:nextPageToken|updateTokens\[\d+\])$/;

function normalized(path: string, value: string): string {
  // Other times are part of the cases, which are older.
  if (OF_NOW.test(path) && /^20(?:2[6-9]|[3-9]\d)/.test(value)) return 'now';
  if (OPAQUE.test(path)) return 'a token';
  if (/(?:^|\.)duration$/.test(path)) return `${Number(value.slice(0, -1))}s`;
  return value.replace(/:r:[0-9a-f-]{32,36}/g, ':r:random');
}
