/**
 * A name that begins with `is`, `has` or `can` is a boolean, a function that returns one, or a condition
 * in SQL. What the syntax does not tell is left to readers.
 */
import ts from 'typescript';
import { type Check, type Offence, SOURCE_ROOTS, type SourceFile, walk } from './check.ts';

const CLAIM = /^#?(is|has|can)(?=[A-Z])/;
const BOOLEAN = /\b(boolean|true|false|Sql)\b|\bis\s|^asserts\s/;

const HERE = `${SOURCE_ROOTS[0]}/planted.ts`;

export const booleans: Check = {
  name: 'is… is a boolean',
  applies: ({ path }) => path.endsWith('.ts'),
  find,
  planted: {
    refused: [
      [HERE, 'const isLate: Invocation = invocation;'],
      [HERE, 'const hasEnded = new Signal();'],
      [HERE, 'const isLate = { deadline };'],
      [HERE, 'export function isRefused(id: string): CodedError { return refused(id); }'],
    ],
    accepted: [
      [HERE, 'export interface Planted { readonly isLate?: boolean; readonly canWait: true }'],
      [HERE, 'export async function hasRoom(): Promise<boolean> { return true; }'],
      [HERE, 'const isText = (value: unknown): value is string => isA(value);'],
      [HERE, 'const isFree = (now: EpochMs): Sql => free(now); const island = new Island();'],
    ],
  },
};

function find(file: SourceFile): Offence[] {
  const offences: Offence[] = [];
  walk(file, (node) => {
    if (!isDeclaration(node) || !CLAIM.test(node.name?.getText() ?? '')) return;
    if (isBoolean(node)) return;
    const say = `${node.name?.getText()} is not a boolean; name it for what it is`;
    offences.push({ at: node.getStart(), say });
  });
  return offences;
}

type Declaration =
  | ts.FunctionDeclaration
  | ts.MethodDeclaration
  | ts.MethodSignature
  | ts.ParameterDeclaration
  | ts.PropertyDeclaration
  | ts.PropertySignature
  | ts.VariableDeclaration;

function isDeclaration(node: ts.Node): node is Declaration {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isMethodSignature(node) ||
    ts.isParameter(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isPropertySignature(node) ||
    ts.isVariableDeclaration(node)
  );
}

function isBoolean(node: Declaration): boolean {
  if (node.type) return BOOLEAN.test(node.type.getText());
  const value = 'initializer' in node ? node.initializer : undefined;
  return !value || !(ts.isNewExpression(value) || ts.isObjectLiteralExpression(value));
}
