/**
 * Which patterns are searched for. Patterns become regular expressions that backtrack: a repetition whose
 * repeats can be divided in several ways, such as `+(a|aa)`, takes time without end for some names of files,
 * and a pull request can choose these. So such patterns are refused, with the reason.
 */

const MAX_LENGTH = 4_096;
/** Of the wildcards between two slashes. Each one more takes as many times longer as a name has characters. */
const MAX_WILDCARDS = 4;

/** Returns why a pattern is not searched for; `undefined` if it is. */
export function whyRefused(pattern: string): string | undefined {
  if (pattern.includes('\0')) return 'no file has a NUL in its name';
  if (pattern.length > MAX_LENGTH) {
    return `a pattern has at most ${MAX_LENGTH} characters: divide it into several`;
  }
  const wildcards = pattern
    .replaceAll(/\\./g, '')
    .split('/')
    .map((part) => part.match(/\*+|[!+]\(|[\])}]\+/g)?.length ?? 0);
  if (Math.max(...wildcards) > MAX_WILDCARDS) {
    return `there are more than ${MAX_WILDCARDS} wildcards between two slashes: use fewer`;
  }
  const repeated = repeatedGroups(pattern).find((group) => !isDecodable(group));
  if (repeated === undefined) return undefined;
  return `what (${repeated}) repeats is ambiguous: repeat only texts of which none begins another`;
}

/** Returns what is within `*(…)`, `+(…)`, `(…)*`, `(…)+` and `(…){…}`. */
function repeatedGroups(pattern: string): string[] {
  const groups: string[] = [];
  const open: number[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at];
    if (char === '\\') at += 1;
    else if (char === '(') open.push(at);
    else if (char === ')') {
      const start = open.pop();
      if (start === undefined) continue;
      const isRepeated =
        /[*+]/.test(pattern[start - 1] ?? '') || /[*+{]/.test(pattern[at + 1] ?? '');
      if (isRepeated) groups.push(pattern.slice(start + 1, at));
    }
  }
  return groups;
}

const SPECIAL = /[*+?{}()[\]!@\\^$]/;
/** One character of several. */
const CLASS = /^\[[\w-]+\]$/;

/** Whether a text is a sequence of the alternatives in one way at most: none is a prefix of another. */
function isDecodable(group: string): boolean {
  if (CLASS.test(group)) return true;
  const alternatives = group.split('|').sort();
  return alternatives.every((each, index) => {
    const isText = each !== '' && !SPECIAL.test(each);
    return isText && !alternatives[index + 1]?.startsWith(each);
  });
}
