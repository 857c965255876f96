/**
 * Regular expressions take time in proportion to their text. A pattern with two repetitions that can share
 * characters (`\s*(.*)x`), or one that can begin anywhere in its own repetition (`\/+$`), tries every division of
 * the text, and a line of 200,000 blanks takes a minute: scslre finds both. A repetition whose alternatives can
 * read the same text (`(?:a|ab?)*`) takes exponential time: refa finds it. Neither can see a pattern that is put
 * together while the program runs, so those are refused as well.
 */
import { type AST, visitRegExpAST } from '@eslint-community/regexpp';
import { isDisjointWith, JS, NFA } from 'refa';
import { analyse, type Report } from 'scslre';
import ts from 'typescript';
import { type Check, type Offence, SOURCE_ROOTS, type SourceFile, walk } from './check.ts';

const ROOT = SOURCE_ROOTS[0];
const planted = (pattern: string): readonly [string, string] => [
  `${ROOT}/planted.ts`,
  `export const PLANTED = ${pattern};`,
];

export const patterns: Check = {
  name: 'patterns',
  applies: ({ room, path }) => room !== undefined && !path.endsWith('.test.ts'),
  find,
  planted: {
    refused: [
      planted('/^\\s*(.*)x$/'),
      planted('/^(\\d+)\\w*$/'),
      planted('/^(a|b*)*$/'),
      planted('/^(?:a+)+$/'),
      planted('/\\/+$/'),
      planted('/\\{([^}]*)\\}/g'),
      planted('/^"(?:.|\\\\.)*"$/'),
      planted('/^(?:a|ab?)*$/'),
      planted('new RegExp("^a*$")'),
      planted('RegExp(`^a$`)'),
    ],
    accepted: [
      planted('/^\\s*(\\S.*)?$/s'),
      planted('/(?<!\\/)\\/+$/'),
      planted('/\\{([^{}]*)\\}/g'),
      planted('/^"(?:[^"\\\\]|\\\\.)*"$/'),
      ['test/planted.ts', 'export const PLANTED = new RegExp(text);'],
      [`${ROOT}/planted.test.ts`, 'expect(text).toMatch(/a+a+$/);'],
    ],
  },
};

function find(file: SourceFile): Offence[] {
  const offences: Offence[] = [];
  walk(file, (node) => {
    if (ts.isRegularExpressionLiteral(node)) offences.push(...slow(node));
    else if (makesPattern(node)) {
      offences.push({ at: node.getStart(), say: 'write the pattern as a literal: /…/' });
    }
  });
  return offences;
}

function slow(node: ts.RegularExpressionLiteral): Offence[] {
  const end = node.text.lastIndexOf('/');
  const [source, flags] = [node.text.slice(1, end), node.text.slice(end + 1)];
  const [worst] = analyse({ source, flags }, { maxReports: 1 }).reports;
  const say = worst === undefined ? describeAmbiguity(source, flags) : describe(worst);
  return say === undefined ? [] : [{ at: node.getStart(), say }];
}

function describeAmbiguity(source: string, flags: string): string | undefined {
  const parser = JS.Parser.fromLiteral({ source, flags });
  let ambiguous: string | undefined;
  visitRegExpAST(parser.ast.pattern, {
    onQuantifierEnter: (quantifier) => {
      if (hasAmbiguousAlternatives(quantifier, parser)) ambiguous ??= quantifier.raw;
    },
  });
  return (
    ambiguous && `takes exponential time, since alternatives of ${ambiguous} read the same text`
  );
}

/** Whether one text can be read as a repetition that begins with either of two alternatives. */
function hasAmbiguousAlternatives(quantifier: AST.Quantifier, parser: JS.Parser): boolean {
  const { element, max } = quantifier;
  if (max !== Number.POSITIVE_INFINITY || !('alternatives' in element)) return false;
  const automatonOf = (part: AST.Alternative | AST.Quantifier): NFA => {
    const { expression, maxCharacter } = parser.parseElement(part, {
      assertions: 'ignore',
      backreferences: 'disable',
    });
    return NFA.fromRegex(expression, { maxCharacter });
  };
  const all = automatonOf(quantifier);
  const beginnings = element.alternatives.map((alternative) => {
    const beginning = automatonOf(alternative);
    beginning.append(all);
    return beginning;
  });
  return beginnings.some((one, index) =>
    beginnings.slice(index + 1).some((other) => !isDisjointWith(one, other)),
  );
}

function describe({ type, exponential, character }: Report): string {
  const shared = `many ${JSON.stringify(character.pick)}`;
  if (exponential)
    return `takes exponential time on ${shared}; let no repetitions share characters`;
  return type === 'Move'
    ? `takes quadratic time on ${shared}, since it may begin at each: anchor it, or add a (?<!…)`
    : `takes quadratic time on ${shared}, since two repetitions share them: take one away`;
}

function makesPattern(node: ts.Node): boolean {
  return (
    (ts.isNewExpression(node) || ts.isCallExpression(node)) &&
    ts.isIdentifier(node.expression) &&
    node.expression.text === 'RegExp'
  );
}
