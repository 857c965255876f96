/**
 * Reads the marks at the beginning of a JUnit file that show its producer: the root element, and the first
 * suites, tests and properties.
 */
import { ReportDamage } from '../report.ts';
import type { Attributes } from './test-case.ts';
import { XmlReader } from './xml-reader.ts';

export interface JUnitMarks {
  /** The name of the root element; empty if there is none. */
  readonly root: string;
  readonly rootAttributes: Attributes;
  /** The attributes of the first suites, including the root if it is a suite. */
  readonly suites: readonly Attributes[];
  readonly cases: readonly Attributes[];
  readonly properties: readonly string[];
}

const MAX_OF_EACH = 50;

const IGNORE = { execution: () => {}, unnamedSkips: () => {}, error: () => {}, warning: () => {} };

export function marksOf(head: string): JUnitMarks {
  const suites: Attributes[] = [];
  const cases: Attributes[] = [];
  const properties: string[] = [];
  let root: { readonly name: string; readonly attributes: Attributes } | undefined;
  const found: Readonly<Record<string, (attributes: Attributes) => void>> = {
    testsuite: (attributes) => suites.length < MAX_OF_EACH && suites.push(attributes),
    testcase: (attributes) => cases.length < MAX_OF_EACH && cases.push(attributes),
    property: ({ name = '' }) => properties.length < MAX_OF_EACH && properties.push(name),
  };
  const open = (name: string, attributes: Attributes) => {
    root ??= { name, attributes };
    if (Object.hasOwn(found, name)) found[name]?.(attributes);
  };
  readBeginning(new XmlReader({ open, close: () => {}, text: () => {} }, IGNORE), head);
  const { name = '', attributes = {} } = root ?? {};
  return { root: name, rootAttributes: attributes, suites, cases, properties };
}

/** Damage only ends this search: the reader of the whole file will report it. */
function readBeginning(reader: XmlReader, head: string): void {
  try {
    reader.push(head);
  } catch (error) {
    if (!(error instanceof ReportDamage)) throw error;
  }
}

/** True if an element has its first attributes in this order, which producers rarely change. */
export function inOrder(attributes: Attributes, names: string): boolean {
  return `${Object.keys(attributes).join(' ')} `.startsWith(`${names} `);
}
