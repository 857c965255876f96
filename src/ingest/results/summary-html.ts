/**
 * Turns plain text from a report into HTML for `summary_html`. The text is escaped, so that nothing in it is
 * markup, and takes at most 4096 bytes. A longer text keeps its beginning and its end, with a remark
 * between them.
 */
import { MAX_HTML_BYTES } from '../../results/limits.ts';
import { fitsIn, shortenTo } from './test-id.ts';

const OPEN = '<pre>';
const CLOSE = '</pre>';
const SHORTENED = '\n… (shortened) …\n';

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Colours of a terminal. The escape character may have been replaced, or written as a reference. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: ESC is what is looked for.
const ANSI_COLOUR = /([\x1b\ufffd]|&#(27|x1b);)\[\d*(;\d+)*m/gi;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f]/g;

/** Removes terminal colours, and replaces characters that must not be stored. */
export function plainText(text: string): string {
  return text.replaceAll(ANSI_COLOUR, '').replaceAll(CONTROLS, '\ufffd').toWellFormed();
}

export function summaryHtmlOf(summary: string): string {
  const text = plainText(summary);
  if (text.trim() === '') return '';
  const html = escaped(text);
  const room = MAX_HTML_BYTES - OPEN.length - CLOSE.length;
  if (fitsIn(html, room)) return OPEN + html + CLOSE;
  const half = Math.floor((room - Buffer.byteLength(SHORTENED)) / 2);
  const head = shortenTo(html, half).replace(/&[^;]{0,5}$/, '');
  return OPEN + head + SHORTENED + endOf(html, half) + CLOSE;
}

/** Returns the longest end of `html` within `maxBytes` that does not split a character or a reference. */
function endOf(html: string, maxBytes: number): string {
  const last = html.slice(-maxBytes);
  const bytes = Buffer.from(last);
  let start = Math.max(0, bytes.length - maxBytes);
  while (((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes
    .toString('utf8', start)
    .replace(/^\ufffd/, '')
    .replace(/^[^&;]{0,5};/, '');
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => REFERENCES[char] ?? char);
}
