/** Finds the command lines that the documents show (`postlude …` and `npm run …`), as words. */
import { parseAllDocuments } from 'yaml';
import { type Block, blocksOf, type Page, spansOf } from '../../scripts/docs/markdown.ts';

export interface CommandLine {
  readonly place: string;
  /** `postlude`, `status`, … */
  readonly words: readonly string[];
}

/** Returns the command lines whose first word is `program`. */
export function commandLinesOf(page: Page, program: string): CommandLine[] {
  const inBlocks = blocksOf(page).flatMap((block) =>
    scriptsOf(block).flatMap(({ text, line }) =>
      commandsIn(text).map((words) => ({ place: `${page.path}:${line}`, words })),
    ),
  );
  const inLines = spansOf(page).flatMap(({ text, line }) =>
    variantsOf(text).map((words) => ({ place: `${page.path}:${line}`, words })),
  );
  // `postlude …` refers to all command lines, and shows none.
  const isShown = (words: readonly string[]): boolean =>
    words[0] === program && !words.includes('');
  return [...inBlocks, ...inLines].filter(({ words }) => isShown(words));
}

/** Returns what a block lets a shell run. */
function scriptsOf({ language, text, line }: Block): { text: string; line: number }[] {
  if (language === 'sh') return [{ text, line }];
  if (language === 'yaml') {
    const texts = parseAllDocuments(text).flatMap((document) => textsIn(document.toJS()));
    return texts.map((each) => ({ text: each.replaceAll('$$', '$'), line }));
  }
  if (language === 'groovy') {
    const scripts = [...text.matchAll(/\bsh ('''|')([\s\S]*?)\1/g)];
    return scripts.map((match) => ({ text: match[2] ?? '', line }));
  }
  // These lines are typed, with a prompt or without one; all others are printed.
  const typed = text.split('\n').filter((each) => /^(\$ )?(npm|npx|postlude) /.test(each));
  return language === '' ? [{ text: typed.join('\n').replaceAll(/^\$ /gm, ''), line }] : [];
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

/** Returns the commands of a shell script, without variables that are set before them. */
export function commandsIn(script: string): string[][] {
  const commands: string[][] = [[]];
  const text = script.replaceAll(/\\\n/g, ' ').replaceAll(/\$\{\{.*?\}\}/g, 'x');
  const token =
    /(?<comment>(?<=^|\s)#[^\n]*)|(?<inner>[<$]\((?:[^()"]|"[^"]*")*\))|(?<end>\n|;|&&?|\|\|?|[<>]+\s*\S+)|(?<word>(?:"[^"]*"|'[^']*'|\\.|[^\s;&|<>"'])+)/g;
  for (const { groups = {} } of text.matchAll(token)) {
    if (groups.inner !== undefined) commands.unshift(...commandsIn(groups.inner.slice(2, -1)));
    else if (groups.end !== undefined && !/^[<>]/.test(groups.end)) commands.push([]);
    else if (groups.word !== undefined) commands.at(-1)?.push(unquoted(groups.word));
  }
  const isSet = (word: string): boolean => /^[A-Z_]+=/.test(word);
  return commands
    .map((words) => words.slice(words.findIndex((word) => !isSet(word))))
    .map((words) => (words[0] === 'exec' ? words.slice(1) : words))
    .map(withoutNpx)
    .filter((words) => words.length > 0);
}

/** Returns what npx runs, without the packages that it fetches first: `npx -y -p pg @postlude/postlude serve`. */
function withoutNpx(words: readonly string[]): string[] {
  if (words[0] !== 'npx') return [...words];
  const isOption = (word: string, before: string): boolean =>
    word.startsWith('-') || /^(-p|--package)$/.test(before);
  const start = words.findIndex((word, at) => at > 0 && !isOption(word, words[at - 1] ?? ''));
  const [name = '', ...rest] = start === -1 ? [] : words.slice(start);
  return [name.replace(/^@postlude\/(postlude)(@.*)?$/, '$1'), ...rest];
}

/** Removes quotes. A variable counts as a word of its own. */
function unquoted(word: string): string {
  const plain = word.replaceAll(/"([^"]*)"|'([^']*)'/g, (_, a = '', b = '') => a + b);
  return plain.replaceAll(/\$\w+|\$\([^)]*\)/g, 'x').replaceAll(/\\(.)/g, '$1');
}

/** A word in capitals stands for any word; here it becomes that word in lower case. */
function named(word: string): string {
  return /^[A-Z]+$/.test(word) ? word.toLowerCase() : word;
}

/**
 * Returns the command lines that a synopsis describes: for `tasks list [due|dead]`, the one without an
 * argument, with `due`, and with `dead`. A word in capitals stands for any word.
 */
export function variantsOf(synopsis: string): string[][] {
  const optional = /\s*\[([^\]]*)\]/.exec(synopsis);
  if (optional) {
    const [whole = '', inner = ''] = optional;
    const choices = /^options$|\.\.\.$/.test(inner) ? [] : inner.split('|');
    return ['', ...choices].flatMap((choice) =>
      variantsOf(synopsis.replace(whole, choice === '' ? '' : ` ${choice}`)),
    );
  }
  const words = commandsIn(synopsis.replaceAll(/(?<=\w)\|(?=\w)/g, '/or/'))[0] ?? [];
  const lists = words.map((word) => named(word.replace(/(…|\.\.\.)$/, '')).split('/or/'));
  return lists.reduce<string[][]>(
    (all, choices) => all.flatMap((words) => choices.map((choice) => [...words, choice])),
    [[]],
  );
}
