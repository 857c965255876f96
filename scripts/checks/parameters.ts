/**
 * A function has at most three parameters, or takes a record. A callback that is written where it is
 * passed has those that its caller gives it, and an overload those of its implementation.
 */
import ts from 'typescript';
import { type Check, type Offence, SOURCE_ROOTS, type SourceFile, walk } from './check.ts';

const MAX_PARAMETERS = 3;
const ROOT = SOURCE_ROOTS[0];

export const parameters: Check = {
  name: 'parameters',
  applies: ({ path }) => /\.tsx?$/.test(path),
  find,
  planted: {
    refused: [
      [`${ROOT}/planted.ts`, 'export function planted(a: 1, b: 2, c: 3, d: 4) {}'],
      [`${ROOT}/planted.ts`, 'export class Planted { constructor(a: 1, b: 2, c: 3, d?: 4) {} }'],
      [`${ROOT}/planted.ts`, 'export const planted = (a: 1, b: 2, c: 3, ...d: 4[]) => a;'],
      ['test/planted.ts', 'interface Planted { planted(a: 1, b: 2, c: 3, d: 4): void }'],
    ],
    accepted: [
      [`${ROOT}/planted.ts`, 'export function planted(this: 0, a: 1, b: 2, c: 3) {}'],
      ['test/planted.test.ts', "test.each(rows)('%s', (a, b, c, d) => expect(a + b + c).toBe(d))"],
    ],
  },
};

function find(file: SourceFile): Offence[] {
  const offences: Offence[] = [];
  walk(file, (node) => {
    if (!ts.isFunctionLike(node) || isCallback(node)) return;
    const count = countParameters(node);
    if (count <= MAX_PARAMETERS) return;
    const name = node.name?.getText() ?? 'this function';
    const say = `${name} has ${count} parameters; take a record (at most ${MAX_PARAMETERS})`;
    offences.push({ at: node.getStart(), say });
  });
  return offences;
}

/** Counts the parameters that callers pass. */
export function countParameters({ parameters: all }: ts.SignatureDeclaration): number {
  return all.filter(({ name }) => name.getText() !== 'this').length;
}

function isCallback(node: ts.Node): boolean {
  return (
    (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) &&
    ts.isCallExpression(node.parent) &&
    node.parent.expression !== node
  );
}
