/**
 * Markdown in which each sentence has a line of its own, so that a change of one sentence is a change
 * of one line. Only the ends of lines move: blocks of code, tables, headings and all words stay as they
 * are, and the page renders as before.
 */

/** Lines that are kept: headings, tables, comments, rules. */
const KEPT = /^\s*(#{1,6} |\||<!--|-->|---+$)/;
const FENCE = /^\s*```/;
const ITEM = /^(\s*(?:[-*]|\d+\.) +)(.*)$/;
const ABBREVIATION = /\b(e\.g|i\.e|vs|cf|resp|no)\.$/i;
/** The end of a sentence, what may close behind it, and what the next one may begin with. */
const BOUNDARY = /([.!?][)"*_]*) (?=\p{Lu}|[`["“*(→…]|postlude\b)/gu;
/** Code and links are no place to end a line: they are hidden while sentences are looked for. */
const HIDDEN = /`[^`]+`|\[[^\]]*\]\([^)]*\)/g;

interface Block {
  /** What the first line begins with: `- `, `1. `, blanks. */
  readonly prefix: string;
  readonly lines: string[];
}

export function sentenceLines(text: string): string {
  const result: string[] = [];
  let block: Block | undefined;
  let isCode = false;
  const flush = (): void => {
    if (block) result.push(...linesOf(block));
    block = undefined;
  };
  for (const line of text.split('\n')) {
    const isFence = FENCE.test(line);
    if (isFence || isCode || KEPT.test(line) || line.trim() === '') {
      flush();
      result.push(line);
      if (isFence) isCode = !isCode;
      continue;
    }
    const item = ITEM.exec(line);
    if (item) flush();
    if (block) block.lines.push(line.trim());
    else block = openBlock(item, line);
  }
  flush();
  return result.join('\n');
}

function openBlock(item: RegExpExecArray | null, line: string): Block {
  if (item) return { prefix: item[1] ?? '', lines: [(item[2] ?? '').trim()] };
  const [prefix = ''] = /^\s*/.exec(line) ?? [];
  return { prefix, lines: [line.trim()] };
}

function linesOf({ prefix, lines }: Block): string[] {
  const indent = ' '.repeat(prefix.length);
  return sentencesOf(lines.join(' ')).map((each, at) => `${at === 0 ? prefix : indent}${each}`);
}

function sentencesOf(text: string): string[] {
  const hidden: string[] = [];
  const plain = text.replaceAll(HIDDEN, (each) => {
    hidden.push(each);
    return each.startsWith('`') ? '`\0`' : '[\0]';
  });
  const parts = plain.replaceAll(BOUNDARY, (whole, end: string, at: number) =>
    ABBREVIATION.test(plain.slice(0, at + 1)) ? whole : `${end}\n`,
  );
  let next = 0;
  return parts.replaceAll(/`\0`|\[\0\]/g, () => hidden[next++] ?? '').split('\n');
}
