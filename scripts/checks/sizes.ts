/** Files stay under 400 lines, and functions under 50. */
import ts from 'typescript';
import { type Check, type Offence, SOURCE_ROOTS, type SourceFile, walk } from './check.ts';

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 50;

const HERE = `${SOURCE_ROOTS[0]}/planted`;
const lines = (count: number): string => 'call();\n'.repeat(count);

export const sizes: Check = {
  name: 'sizes',
  applies: ({ path, room }) => room !== undefined || path.startsWith('test/support/'),
  find: (file) => [...findLength(file), ...findFunctions(file)],
  planted: {
    refused: [
      [`${HERE}.ts`, lines(MAX_FILE_LINES + 1)],
      [`${HERE}.ts`, `function planted() {\n${lines(MAX_FUNCTION_LINES)}}`],
      [`${HERE}.ts`, `const planted = () => {\n${lines(MAX_FUNCTION_LINES)}};`],
    ],
    accepted: [
      [`${HERE}.ts`, `function planted() {\n${lines(MAX_FUNCTION_LINES - 2)}}`],
      [`${HERE}.test.ts`, `function tests() {\n${lines(MAX_FUNCTION_LINES)}}`],
    ],
  },
};

function findLength({ text }: SourceFile): Offence[] {
  const count = text.split('\n').length - 1;
  if (count <= MAX_FILE_LINES) return [];
  return [{ say: `${count} lines; split it (at most ${MAX_FILE_LINES})` }];
}

/** Only functions that have a name count, and not callbacks of `describe` and the like. */
function findFunctions(file: SourceFile): Offence[] {
  if (isTestSuite(file.path)) return [];
  const offences: Offence[] = [];
  walk(file, (node) => {
    const name = functionName(node);
    const count = name === undefined ? 0 : node.getText().split('\n').length;
    if (count <= MAX_FUNCTION_LINES) return;
    const say = `${name} has ${count} lines (at most ${MAX_FUNCTION_LINES})`;
    offences.push({ at: node.getStart(), say });
  });
  return offences;
}

export function functionName(node: ts.Node): string | undefined {
  if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) return node.name?.getText();
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  if (ts.isArrowFunction(node) && ts.isVariableDeclaration(node.parent)) {
    return node.parent.name.getText();
  }
  return undefined;
}

/** Files whose functions hold tests: a list of behaviours reads well at any length. */
function isTestSuite(path: string): boolean {
  return path.endsWith('.test.ts') || /^test\/support\/suites\/.*-suite\.ts$/.test(path);
}
