/**
 * Patterns of report files: one a line, in a small tree that is the same for all inputs. Whatever the
 * patterns are, the search ends, finds only files within its folder, each once, and says which pattern
 * found none.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findReports } from '../../../src/cli/reports/find-reports.ts';
import { baseOf } from '../../../src/cli/reports/report-links.ts';
import { type FuzzTarget, require } from '../engine/target.ts';

const FILES = [
  'a.xml',
  'b[1].xml',
  '{c}.xml',
  '!d.xml',
  'sub/a.xml',
  'sub/.hidden/e.json',
  `sub/${'a'.repeat(60)}-${'0'.repeat(60)}.xml`,
];
const MAX_PATTERNS = 4;

export const globTargets: readonly FuzzTarget[] = [
  {
    name: 'globs',
    reads: 'patterns for report files, one a line',
    dictionary: [
      ...'* ** ? . / ./ a.xml **/*.xml sub/ sub/* !sub/** [a-z] [!a] [^0] [[:alpha:]] [ ] {a,b} {1..9} {01..3}'.split(
        ' ',
      ),
      ...'{ } , .. @(a|b) +(a) *(a|aa) ?(b) !(c) ( ) | + $ ^ \\* \\ \\[ a*a* +(+(a)) (a+)+ ~ link/* \n'.split(
        ' ',
      ),
    ],
    check: checkGlobs,
  },
];

let folder: string | undefined;

function createFolder(): string {
  const created = mkdtempSync(join(tmpdir(), 'postlude-fuzz-'));
  process.once('exit', () => rmSync(created, { recursive: true, force: true }));
  mkdirSync(join(created, 'sub/.hidden'), { recursive: true });
  for (const file of FILES) writeFileSync(join(created, file), '');
  symlinkSync('/', join(created, 'link'));
  symlinkSync('.', join(created, 'sub/loop'));
  return created;
}

async function checkGlobs(input: Buffer): Promise<void> {
  folder ??= createFolder();
  const cwd = folder;
  const patterns = input.toString().split('\n').slice(0, MAX_PATTERNS);
  // A pattern may begin anywhere; such a search takes as long as there are files there.
  const inside = patterns.filter((pattern) => isWithin(cwd, baseOf(cwd, pattern, false)));
  const { files, problems, unchanged } = await findReports(cwd, inside);
  const places = new Set(FILES.map((file) => join(cwd, file)));
  const found = files.map((file) => realpathSync(file)); // perhaps by a link
  require(found.every((file) => places.has(file)), 'a file is found that is not in the folder');
  require(new Set(found).size === files.length, 'a file is found twice');
  require(unchanged.length === 0, 'a file is taken for an earlier one');
  require(inside.length === 0 ||
    files.length > 0 ||
    problems.length > 0, 'nothing is found, and nobody is told');
}

function isWithin(cwd: string, base: string): boolean {
  return base === cwd || base.startsWith(`${cwd}/`);
}
