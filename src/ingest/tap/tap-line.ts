/**
 * Parses one line of TAP (Test Anything Protocol, versions 12 to 14). A line that is not TAP is `noise`,
 * never an error: TAP shares its stream with the output of tests.
 *
 * No pattern skips blanks before `(.*)`, which is done with the text that it takes: if the whole failed, both
 * would share the same blanks in every way. With the flag `s`, it does not fail at a carriage return or a U+2028.
 */

export type TapDirective = 'skip' | 'todo';

export interface TapPoint {
  readonly kind: 'point';
  readonly isOk: boolean;
  readonly number: number | undefined;
  /** Unescaped; empty if the producer gives no description. */
  readonly description: string;
  /** Written as `ok 1 - name`. Producers of the tape family write `ok 1 name`. */
  readonly hasDash: boolean;
  readonly directive: TapDirective | undefined;
  readonly reason: string;
  /** node-tap's `# time=1.5ms`. */
  readonly durationMs: number | undefined;
}

export type TapLine =
  | TapPoint
  | { readonly kind: 'version'; readonly version: number }
  /** Announces `count` points; `skipReason` is set if the whole stream is skipped. */
  | { readonly kind: 'plan'; readonly count: number; readonly skipReason: string | undefined }
  | { readonly kind: 'bail-out'; readonly reason: string }
  /** Names the subtest whose points follow, indented. */
  | { readonly kind: 'subtest'; readonly name: string }
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'yaml-start' }
  | { readonly kind: 'noise' };

/** `line` has no indentation. */
export function parseTapLine(line: string): TapLine {
  return (
    parsePoint(line) ??
    parsePlan(line) ??
    parseComment(line) ??
    parseRest(line) ?? { kind: 'noise' }
  );
}

function parsePoint(line: string): TapPoint | undefined {
  const match = /^(not )?ok(?=\s|$)(?:\s+(\d+)(?=\s|$))?(?:\s+(-)(?=\s|$))?(.*)$/s.exec(line);
  if (!match) return undefined;
  const [, not, number, dash, rest = ''] = match;
  const { text, durationMs } = takeTime(rest.trimStart());
  const { description, directive, reason } = takeDirective(text);
  return {
    kind: 'point',
    isOk: not === undefined,
    number: number === undefined ? undefined : Number(number),
    description: unescapeTap(description.trim()),
    hasDash: dash !== undefined,
    directive,
    reason: reason.trim(),
    durationMs,
  };
}

function takeTime(rest: string): { text: string; durationMs: number | undefined } {
  // node-tap opens the points of a subtest after it with a brace.
  const match = /^(.*?)(?:\s#\s*time=([\d.]+)ms)?(?:\s\{)?$/s.exec(rest);
  const durationMs = Number(match?.[2] ?? Number.NaN);
  return {
    text: match?.[1] ?? rest,
    durationMs: Number.isFinite(durationMs) ? durationMs : undefined,
  };
}

interface Described {
  readonly description: string;
  readonly directive: TapDirective | undefined;
  readonly reason: string;
}

/** A hash that is escaped, or that is not followed by a directive, belongs to the description. */
function takeDirective(text: string): Described {
  const match = /^(.*?)(?:^|\s)#\s*(skip|todo)(?:\S*)(?:\s(.*))?$/is.exec(text);
  if (!match) return { description: text, directive: undefined, reason: '' };
  const [, description = '', word = '', reason = ''] = match;
  return { description, directive: /^s/i.test(word) ? 'skip' : 'todo', reason };
}

function parsePlan(line: string): TapLine | undefined {
  const match = /^(\d+)\.\.(\d+)\s*(?:#(.*))?$/s.exec(line);
  if (!match) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2]);
  const note = (match[3] ?? '').trimStart();
  return {
    kind: 'plan',
    count: Math.max(0, last - first + 1),
    skipReason: last === 0 ? skipReasonOf(note) : undefined,
  };
}

function skipReasonOf(note: string): string | undefined {
  const [word] = /^skip\S*/i.exec(note) ?? [];
  return word === undefined ? undefined : note.slice(word.length).trimStart();
}

function parseComment(line: string): TapLine | undefined {
  if (!line.startsWith('#')) return undefined;
  const subtest = /^#\s*Subtest(?::(.*))?$/s.exec(line);
  if (subtest) return { kind: 'subtest', name: unescapeTap((subtest[1] ?? '').trimStart()) };
  return { kind: 'comment', text: line.slice(1).trim() };
}

function parseRest(line: string): TapLine | undefined {
  const version = /^TAP version (\d+)\s*$/i.exec(line);
  if (version) return { kind: 'version', version: Number(version[1]) };
  const bail = /^Bail out!(.*)$/is.exec(line);
  if (bail) return { kind: 'bail-out', reason: (bail[1] ?? '').trimStart() };
  return line === '---' ? { kind: 'yaml-start' } : undefined;
}

function unescapeTap(text: string): string {
  return text.replace(/\\([\\#])/g, '$1');
}
