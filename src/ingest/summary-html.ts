/**
 * Plain text from a report as HTML for `summary_html`: escaped, so that nothing in it is markup,
 * and at most 4096 bytes. What was left out is told at its end.
 */
import { fitsIn, shortenTo } from './test-id.ts';

const MAX_BYTES = 4096;
const OPEN = '<pre>';
const CLOSE = '</pre>';
const SHORTENED = '\n… (shortened)';

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Colours of a terminal: the escape itself may have been replaced already. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: ESC is what is looked for.
const ANSI_COLOUR = /[\x1b\ufffd]\[\d*(;\d+)*m/g;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f]/g;

export function summaryHtmlOf(summary: string): string {
  const text = summary.replaceAll(ANSI_COLOUR, '').replaceAll(CONTROLS, '\ufffd').toWellFormed();
  if (text.trim() === '') return '';
  const html = escaped(text);
  const room = MAX_BYTES - OPEN.length - CLOSE.length;
  if (fitsIn(html, room)) return OPEN + html + CLOSE;
  const kept = shortenTo(html, room - Buffer.byteLength(SHORTENED));
  return OPEN + kept.replace(/&[^;]*$/, '') + SHORTENED + CLOSE;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => REFERENCES[char] ?? char);
}
