/**
 * Makes text safe to print. Names, messages and paths come from test reports and from other clients, and a
 * terminal would obey the control characters in them: move the cursor, hide lines, retitle its window.
 * Bidirectional overrides would show text in another order than it has. Both become visible escapes.
 *
 * Joiners, accents and right-to-left letters stay, since names need them.
 */

import { HIDDEN_CHARACTERS } from '@postlude/queue/foundations';

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Returns `text` as one line in which nothing is hidden: `\n`, `\x1b`, `\u202e`. */
export function visibleText(text: string): string {
  return text.replaceAll(HIDDEN_CHARACTERS, (char) => SHORT[char] ?? escapeOf(char));
}

/**
 * How runners of CI systems recognize a command in what a job prints. GitHub Actions takes `::` after any
 * blanks, and `##[` anywhere; Azure Pipelines `##vso[`, and TeamCity `##teamcity[`.
 */
const COMMAND_AT_START = /^(\s*):(?=:)/;
export const MARKED_COMMAND = /#(?=#(?:vso|teamcity)?\[)/gi;

/**
 * Returns a line that no runner takes for a command, such as `::add-mask::` in the name of a test. One character
 * of the mark becomes an escape. It is done everywhere, as containers do not know that they run for a runner.
 */
export function withoutCommands(line: string): string {
  return line.replace(COMMAND_AT_START, '$1\\x3a').replaceAll(MARKED_COMMAND, '\\x23');
}

/** Returns the lines of a text that may have several, such as a failure message. */
export function linesOf(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.replaceAll('\t', '  '));
}

/** Returns the lines of `text`, the first after `lead`, the others indented by its width. */
export function hangingLines(lead: string, text: string, width = lead.length): string[] {
  return linesOf(text).map((line, index) => (index === 0 ? lead : ' '.repeat(width)) + line);
}

function escapeOf(char: string): string {
  const hex = char.charCodeAt(0).toString(16);
  return hex.length <= 2 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`;
}
