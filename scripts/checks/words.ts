/**
 * One word for one thing: these words are refused in code, documents and texts for users, each with the
 * one to use. The list has only words that have no good use here; style is for reviewers.
 */
import ts from 'typescript';
import { type Check, type Offence, SOURCE_ROOTS, type SourceFile, walk } from './check.ts';

interface Refused {
  readonly pattern: RegExp;
  readonly use: string;
}

const REFUSED: readonly Refused[] = [
  ...['bury', 'buries', 'buried'].map((word) => refused(word, 'dead, or mark dead')),
  ...['reborn', 'revive', 'revives', 'revived'].map((word) => refused(word, 'redrive')),
  refused('anew', 'again'),
  refused('whoever', 'the caller, the worker, the user, or anyone who'),
  { pattern: /\bgiven[\s*/#]+up\b/gi, use: 'dead for a task, closed for a connection' },
  { pattern: /\/\*\* Answers (?=how|what|if|whether|its)/g, use: 'Returns' },
];

/** Words that are refused as parts of names in code. */
const REFUSED_NAMES: ReadonlyMap<string, string> = new Map([
  ['bell', 'WakeSignal'],
  ['birth', 'redrive'],
  ['fate', 'the result, or the outcome'],
  ['standing', 'FinalizationState'],
  ['standings', 'FinalizationState'],
]);

/** What users set is called Options, and what a class works with Parts; nothing else is either. */
const REFUSED_TYPES = /(Tools|Deps|Dependencies|Collaborators)$/;

const HERE = `${SOURCE_ROOTS[0]}/planted.ts`;

export const words: Check = {
  name: 'one word for one thing',
  // This list, and the changelog's account of what was renamed, name the words.
  applies: ({ path }) => !/^scripts\/checks\/|^CHANGELOG\.md$/.test(path),
  find: (file) => [...findWords(file), ...findNames(file)],
  planted: {
    refused: [
      [HERE, 'const buriedTasks = 1;'],
      [HERE, 'const count = { isBuried: 1 };'],
      [HERE, 'interface LookTools {}'],
      [HERE, "log.warn('the task was given up');"],
      [HERE, '/**\n * A task that is given\n * up.\n */'],
      [HERE, '/** Answers how many there are. */'],
      [HERE, 'export interface FinalizationStanding {}'],
      ['docs/planted.md', 'Whoever holds the token may write.'],
      ['proto/planted.proto', '// The attempts begin anew.'],
    ],
    accepted: [
      [HERE, '// An outstanding call; the toolsmith gave up a renewal of it.'],
      [HERE, 'const writeTools: ConstructorParameters<Tools> = outstanding;'],
      ['CONTRIBUTING.md', '## English\n\n| Whoever holds it. | The holder. |\n\n## Commits\n'],
    ],
  },
};

/** Matches the word alone, and as a part of a name: `buried`, `isBuried`, `BURIED`. */
function refused(word: string, use: string): Refused {
  const first = word.charAt(0);
  const rest = word.slice(1);
  const upper = first.toUpperCase();
  const alone = `(?:(?<![A-Za-z])[${first}${upper}]|(?<=[a-z0-9])${upper})${rest}(?![a-z])`;
  return { pattern: new RegExp(`${alone}|\\b${word.toUpperCase()}\\b`, 'g'), use };
}

function findWords(file: SourceFile): Offence[] {
  const text = withoutExamples(file);
  return REFUSED.flatMap(({ pattern, use }) =>
    [...text.matchAll(pattern)].map(({ 0: word, index }) => ({
      at: index,
      say: `"${word.replace(/[\s*/#]+/g, ' ').trim()}"; write ${use}`,
    })),
  );
}

/** Blanks the section of CONTRIBUTING.md that shows how not to write. */
function withoutExamples({ path, text }: SourceFile): string {
  if (path !== 'CONTRIBUTING.md') return text;
  return text.replace(/^## English$[\s\S]*?(?=^## )/m, (section) => section.replace(/[^\n]/g, ' '));
}

function findNames(file: SourceFile): Offence[] {
  if (!file.path.endsWith('.ts')) return [];
  const offences: Offence[] = [];
  walk(file, (node) => {
    if (!ts.isIdentifier(node)) return;
    const isType = ts.isInterfaceDeclaration(node.parent) || ts.isTypeAliasDeclaration(node.parent);
    if (isType && REFUSED_TYPES.test(node.text)) {
      offences.push({ at: node.getStart(), say: `the type ${node.text}; write …Parts` });
    }
    for (const part of node.text.split(/(?<=[a-z0-9])(?=[A-Z])|_/)) {
      const use = REFUSED_NAMES.get(part.toLowerCase());
      if (use) offences.push({ at: node.getStart(), say: `the name ${node.text}; write ${use}` });
    }
  });
  return offences;
}
