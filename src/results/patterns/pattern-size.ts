/**
 * Estimates what it takes to compile a pattern, before the compiler spends time and memory on it.
 * Counted repetitions are copied, and nested ones multiply: `((a?){30}){30}` has 14 characters and some
 * 3,600 instructions.
 */

interface Group {
  size: number;
  /** The size of the last item, to which a repetition applies. */
  last: number;
}

/**
 * Cuts a pattern into items, each of which takes at most one rune, quoted texts, and marks. As in RE2, `{00}` is no
 * repetition but text.
 */
const TOKEN =
  /\\Q(.*?)(?:\\E|$)|\\[pP]\{[^}]*\}|\\x\{[^}]*\}|\\.|\[\^?\]?(?:\[:\^?[a-z]*:\]|\\.|[^\]\\])*\]|\(\?[a-zA-Z-]*\)|\(\?[^:>)]*[:>]?|\{(0|[1-9]\d{0,8})(?:(,)(0|[1-9]\d{0,8}|))?\}|./gsy;

/** Returns at least as many instructions as the compiled program of any valid RE2 pattern has. */
export function estimateSize(pattern: string): number {
  const outer: Group[] = [];
  let group: Group = { size: 3, last: 0 };
  for (const [token, quoted, least, comma, most] of pattern.matchAll(TOKEN)) {
    if (token === '[') break; // A class without an end: the pattern is invalid.
    if (quoted !== undefined) addItems(group, quoted.length);
    else if (least !== undefined) repeat(group, copiesOf(Number(least), comma, most));
    else if (token.startsWith('(?') && token.endsWith(')'))
      continue; // It sets flags.
    else if (token.startsWith('(')) {
      outer.push(group);
      group = { size: 1, last: 0 };
    } else if (token === ')') {
      const { size } = group;
      group = outer.pop() ?? { size: 0, last: 0 };
      group.last = size + 2;
      group.size += group.last;
    } else if (token === '|') addItems(group, 2);
    else if (token === '*') grow(group, 2);
    else if (token === '+' || token === '?') grow(group, 1);
    else addItems(group, 1);
  }
  return outer.reduce((size, { size: more }) => size + more, group.size);
}

function copiesOf(least: number, comma: string | undefined, most: string | undefined): number {
  if (comma === undefined) return least;
  return most === undefined || most === '' ? least + 1 : Math.max(Number(most), least);
}

function addItems(group: Group, count: number): void {
  group.size += count;
  // A repetition after an empty quotation applies to what is before it.
  if (count > 0) group.last = 1;
}

function grow(group: Group, by: number): void {
  group.size += by;
  group.last += by;
}

/** Optional copies have a branch each. */
function repeat(group: Group, copies: number): void {
  grow(group, (group.last + 1) * Math.max(1, copies) - group.last);
}

/** A class of Unicode, whose table is copied. */
const TABLE = /\\[pP]/g;
const RANGE = /(\\x\{[0-9A-Fa-f]+\}|\\?.)-(\\x\{[0-9A-Fa-f]+\}|\\?.)/gsu;
const IGNORES_CASE = /\(\?[a-zA-Z]*i/;
const TABLE_RUNES = 1_000;

/**
 * Estimates how many runes are looked at while the pattern is parsed: with the flag `i`, each rune of a
 * range is looked up, and `(?i)[a-\u{1ffff}]` has a hundred thousand.
 */
export function estimateRunes(pattern: string): number {
  let runes = (pattern.match(TABLE)?.length ?? 0) * TABLE_RUNES;
  if (!IGNORES_CASE.test(pattern)) return runes;
  for (const [, low = '', high = ''] of pattern.matchAll(RANGE)) {
    runes += Math.max(0, runeOf(high) - runeOf(low));
  }
  return runes;
}

function runeOf(text: string): number {
  const hex = /^\\x\{([^}]*)\}$/.exec(text)?.[1];
  return hex === undefined ? (text.replace(/^\\/, '').codePointAt(0) ?? 0) : parseInt(hex, 16);
}
