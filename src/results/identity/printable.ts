/** Printable text as Go's `unicode.IsPrint` defines it, with ResultDB's texts for what is not. */

/** Letters, marks, numbers, punctuation and symbols are printable, and of all spaces only this one. */
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** Returns what keeps a text from being printable Unicode in NFC, or `undefined` if nothing does. */
export function problemOfPrintable(text: string): string | undefined {
  if (text !== text.normalize('NFC')) return 'not in unicode normalized form C';
  const found = UNPRINTABLE.exec(text);
  if (found === null) return undefined;
  const byte = Buffer.byteLength(text.slice(0, found.index));
  return `non-printable rune ${quoteRune(found[0])} at byte index ${byte}`;
}

const NAMED: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  "'": "\\'",
};

/** Returns a character in quotes, in ASCII, as Go writes it: `'\u200d'`. */
export function quoteRune(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (NAMED[char] !== undefined) return `'${NAMED[char]}'`;
  if (code >= 0x20 && code < 0x7f) return `'${char}'`;
  if (code < 0x80) return `'\\x${hex.padStart(2, '0')}'`;
  return code > 0xffff ? `'\\U${hex.padStart(8, '0')}'` : `'\\u${hex.padStart(4, '0')}'`;
}
