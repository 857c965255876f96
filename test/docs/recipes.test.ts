/** Checks that the recipes of docs/ci.md are the files that the simulators of CI systems run. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/ci.md'), 'utf8');
const SHOWN = /^<!-- (\S+) -->\n```[a-z]+\n([\s\S]*?)^```$/gm;

/** Returns the paths of recipes that the page does not show, or not as they are in their files. */
function wrongRecipes(page: string): string[] {
  const patterns = ['examples/ci/**/{*,.*}.*', 'examples/ci/**/Jenkinsfile'];
  const shown = new Map([...page.matchAll(SHOWN)].map(([, path = '', text]) => [path, text]));
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT }));
  const paths = new Set([...files, ...shown.keys()]);
  return [...paths].filter((path) => shown.get(path) !== textOf(path)).sort();
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(join(ROOT, path), 'utf8');
  } catch {
    return undefined;
  }
}

test('docs/ci.md shows each recipe as it is in its file', () => {
  expect([...PAGE.matchAll(SHOWN)].length).toBeGreaterThan(4);
  expect(wrongRecipes(PAGE)).toEqual([]);
});

test('a recipe that differs, is missing, or has no file is found', () => {
  const [first = '', path = ''] = [...PAGE.matchAll(SHOWN)][0] ?? [];
  const changed = first.replace(/```$/, '# planted\n```');
  expect(wrongRecipes(PAGE.replace(first, () => changed))).toEqual([path]);
  expect(wrongRecipes(PAGE.replace(first, ''))).toEqual([path]);
  const planted = '<!-- examples/ci/planted.yml -->\n```yaml\na: 1\n```\n';
  expect(wrongRecipes(`${PAGE}\n${planted}`)).toEqual(['examples/ci/planted.yml']);
});
