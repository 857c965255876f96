/** Checks that the documents, npm and our dependencies agree on the version of Node.js. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Page, readPages } from '../../scripts/docs/markdown.ts';

const ROOT = join(import.meta.dirname, '../..');

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as T;
}

const { engines } = readJson<{ engines: { node: string } }>('package.json');
const NEEDED = engines.node.replace('>=', '');

interface LockedPackage {
  readonly engines?: { readonly node?: string };
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly peer?: boolean;
}

/** Returns `README.md: 22` for each version that differs from package.json's. */
function wrongVersions({ path, text }: Page): string[] {
  return versionsIn(text).flatMap((each) => (each === NEEDED ? [] : [`${path}: ${each}`]));
}

function versionsIn(text: string): string[] {
  return [...text.matchAll(/Node(?:\.js)?\s+(?:≥|>=)\s*([\d.]*\d)/g)].map(([, each]) =>
    String(each),
  );
}

/** Understands ranges like `^18.19.0 || >=20.6.0` and `20 || >=22`, which are all that our dependencies use. */
function takes(range: string, version: string): boolean {
  return range.split('||').some((each) => {
    const [, sign, least = ''] = /^\s*(>=|\^|)\s*v?([\d.x]+)\s*$/.exec(each) ?? [];
    if (sign === undefined) throw new Error(`a range that this test does not know: ${range}`);
    const isSame = major(least) === major(version);
    if (sign !== '>=' && !isSame) return false;
    return compare(least.replaceAll('x', '0'), version) <= 0;
  });
}

function major(version: string): string | undefined {
  return version.split('.')[0];
}

/** Returns less than 0 if `a` is the older one. */
function compare(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  const differing = [0, 1, 2].find((at) => (left[at] ?? 0) !== (right[at] ?? 0));
  return differing === undefined ? 0 : (left[differing] ?? 0) - (right[differing] ?? 0);
}

describe('the Node.js that is needed', () => {
  test('is the same in package.json and in the documents', () => {
    const pages = readPages();
    expect(versionsIn(pages.find(({ path }) => path === 'README.md')?.text ?? '')).not.toEqual([]);
    expect(pages.flatMap(wrongVersions)).toEqual([]);
  });

  test('suffices for all packages that ours depends on', () => {
    const { packages } = readJson<{ packages: Record<string, LockedPackage> }>('package-lock.json');
    const ours = Object.entries(packages).filter(
      ([name, each]) => name !== '' && !each.dev && !each.devOptional && !each.peer,
    );
    const unfit = ours.filter(([, each]) => !takes(each.engines?.node ?? '>=0', NEEDED));
    expect(ours.length).toBeGreaterThan(20);
    expect(unfit.map(([name]) => name)).toEqual([]);
  });

  test('is found to differ if it does', () => {
    const text = 'Take Node.js ≥ 18, or Node >= 20.1.';
    expect(wrongVersions({ path: 'a.md', text })).toEqual(['a.md: 18', 'a.md: 20.1']);
    expect(takes('^18.19.0 || >=20.6.0', '18.20.0')).toBe(true);
    expect(takes('^18.19.0 || >=20.6.0', '19.0.0')).toBe(false);
    expect(takes('>=22.12.0', '22')).toBe(false);
    expect(takes('20 || >=22', '22.12')).toBe(true);
    expect(takes('20 || >=24', '22.12')).toBe(false);
  });
});
