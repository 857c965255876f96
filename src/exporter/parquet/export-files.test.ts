import { basename, dirname, join, relative, sep } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ExportTable } from '../sink.ts';
import { exportFiles } from './export-files.ts';

const name = fc.oneof(
  fc.constantFrom(
    '',
    '%',
    'a',
    'a.b',
    '..',
    '.',
    '../../etc',
    'a/b',
    'a\\b',
    'C:',
    'a%2Eb',
    'é',
    ' ',
    '~',
  ),
  fc.string({ maxLength: 300, unit: 'binary' }),
);
const table: fc.Arbitrary<ExportTable> = fc.record({ project: name, dataset: name, table: name });
const exported = fc.record({ table, invocationId: name, index: fc.nat(1000) });

test('names files after the table, the invocation and the index', () => {
  const files = exportFiles('/exports', {
    table: { project: 'acme-ci', dataset: 'tests', table: 'results' },
    invocationId: 'build-1',
    index: 0,
  });
  const at = (file: string) => join('/exports/acme-ci.tests.results', file);
  expect(files.data).toBe(at('build-1-0.parquet'));
  expect(files.manifest).toBe(at('build-1-0.manifest.json'));
  expect(files.part(7, 'rows')).toBe(at('.build-1-0.7.rows'));
});

test('never leaves the folder, whatever users call their tables', () => {
  fc.assert(
    fc.property(exported, (exported) => {
      const files = exportFiles('/exports', exported);
      for (const path of [files.data, files.manifest, files.part(1, 'data')]) {
        expect(dirname(path)).toBe(files.folder);
        expect(relative('/exports', path).split(sep)).toHaveLength(2);
        expect(Buffer.byteLength(basename(path))).toBeLessThanOrEqual(255);
      }
      expect(basename(files.folder)).toMatch(/^[A-Za-z0-9_%-][A-Za-z0-9_%.~-]*$/);
    }),
  );
});

test('gives different exports different files', () => {
  fc.assert(
    fc.property(exported, exported, (one, other) => {
      const key = ({ table, invocationId, index }: typeof one) =>
        JSON.stringify(
          [table.project, table.dataset, table.table, invocationId, index].map(wellFormed),
        );
      const isSame = key(one) === key(other);
      expect(exportFiles('/x', one).data === exportFiles('/x', other).data).toBe(isSame);
    }),
  );
});

test('recognizes its own parts, and no other file', () => {
  const files = exportFiles('/x', {
    table: { project: 'p', dataset: 'd', table: 't' },
    invocationId: 'a-1',
    index: 0,
  });
  for (const part of ['rows', 'more', 'data', 'manifest', 'spill'] as const) {
    expect(files.attemptOf(basename(files.part(12, part)))).toBe(12);
  }
  for (const other of ['a-1-0.parquet', '.a-1-0.parquet', '.a-1-0.x.rows', '.a-1-00.1.rows']) {
    expect(files.attemptOf(other)).toBeUndefined();
  }
  const neighbour = exportFiles('/x', { ...FILES_OF, invocationId: 'a-1-0' });
  expect(files.attemptOf(basename(neighbour.part(1, 'rows')))).toBeUndefined();
});

const FILES_OF = { table: { project: 'p', dataset: 'd', table: 't' }, index: 0 };

function wellFormed(value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value;
}
