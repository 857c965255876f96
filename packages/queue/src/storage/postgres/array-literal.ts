/** Writes and reads PostgreSQL's text form of one-dimensional arrays: `{a,"b c",NULL}`. */
import { CodedError } from '../../foundations/errors.ts';

/** Each element is quoted, so that none is mistaken for NULL or for syntax. */
export function encodeArray(elements: readonly (string | null)[]): string {
  return `{${elements.map(encodeElement).join(',')}}`;
}

/** Returns the array that has the element `length` times. */
export function encodeRepeated(element: string | null, length: number): string {
  if (length === 0) return '{}';
  const text = encodeElement(element);
  return `{${`${text},`.repeat(length - 1)}${text}}`;
}

export function decodeArray(literal: string): (string | null)[] {
  if (literal === '{}') return [];
  if (!literal.startsWith('{') || !literal.endsWith('}')) throw malformed(literal);
  const elements: (string | null)[] = [];
  let position = 1;
  while (position < literal.length) {
    const element = literal[position] === '"' ? quoted(literal, position) : bare(literal, position);
    elements.push(element.value);
    position = element.end + 1; // after the comma, or after the closing brace
  }
  return elements;
}

interface Element {
  readonly value: string | null;
  /** The position of the comma or the closing brace. */
  readonly end: number;
}

function quoted(literal: string, start: number): Element {
  const ending = /(?:[^"\\]|\\[\s\S])*"/y;
  ending.lastIndex = start + 1;
  const match = ending.exec(literal);
  if (!match) throw malformed(literal);
  const value = match[0].slice(0, -1).replace(/\\([\s\S])/g, '$1');
  return { value, end: ending.lastIndex };
}

function bare(literal: string, start: number): Element {
  const comma = literal.indexOf(',', start);
  const end = comma === -1 ? literal.length - 1 : comma;
  const value = literal.slice(start, end);
  if (/[{}"]/.test(value)) throw malformed(literal);
  return { value: value === 'NULL' ? null : value, end };
}

function encodeElement(element: string | null): string {
  if (element === null) return 'NULL';
  if (!element.includes('"') && !element.includes('\\')) return `"${element}"`;
  return `"${element.replace(/["\\]/g, '\\$&')}"`;
}

function malformed(literal: string): CodedError {
  return new CodedError(
    'data-loss',
    `expected a one-dimensional array, got ${literal.slice(0, 80)}`,
  );
}
