/** The differences from LUCI's servers that are intended: the table in docs/api.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Difference, KINDS, type Kind } from './compare.ts';

const PAGE = join(import.meta.dirname, '../../docs/api.md');
const BEGIN = '<!-- differences from LUCI -->';
const END = '<!-- end of differences -->';

export interface Intended {
  readonly cases: readonly RegExp[];
  readonly kinds: readonly Kind[];
  /** If given, only differences in these fields of bodies. */
  readonly fields: readonly string[];
  readonly row: string;
}

/** Returns the rows: cases, what differs, LUCI, postlude, why. */
export function readIntended(page = readFileSync(PAGE, 'utf8')): readonly Intended[] {
  const table = page.slice(page.indexOf(BEGIN), page.indexOf(END));
  const rows = table.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) => {
    const [cases = '', what = ''] = row.slice(1).split(' | ');
    const words = namesIn(what);
    return {
      cases: namesIn(cases).map(patternOf),
      kinds: KINDS.filter((kind) => what.includes(kind)),
      fields: words,
      row: row.slice(0, 100),
    };
  });
}

/** Returns the row that a difference belongs to. */
export function rowOf(rows: readonly Intended[], difference: Difference): Intended | undefined {
  return rows.find(
    ({ cases, fields, kinds }) =>
      kinds.includes(difference.kind) &&
      cases.some((pattern) => pattern.test(difference.id)) &&
      (difference.kind !== 'body' || fields.length === 0 || isInFields(difference, fields)),
  );
}

function isInFields({ theirs }: Difference, fields: readonly string[]): boolean {
  const path = theirs.slice(0, theirs.indexOf(': ')).replaceAll(/\[\d+\]/g, '');
  const parts = path.split('.');
  return fields.some((field) => parts.includes(field));
}

function namesIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
}

/** `*` means any characters. */
function patternOf(name: string): RegExp {
  const parts = name.split('*').map((part) => part.replaceAll(/[.\\+?^${}()|[\]]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}
