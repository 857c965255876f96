/** Checks that the files that documents show as recipes are the files that were tried. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const SHOWN = /^<!-- (\S+) -->\n```[a-z]+\n([\s\S]*?)^```$/gm;

/** Returns the paths of recipes that the page does not show, or not as they are in their files. */
function wrongRecipes(page: string, patterns: readonly string[]): string[] {
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

describe.each([
  ['docs/ci.md', 5, ['examples/ci/**/{*,.*}.*', 'examples/ci/**/Jenkinsfile']],
  ['docs/security.md', 3, ['examples/deploy/**/*.*', 'examples/deploy/**/Containerfile']],
])('%s', (path, atLeast, patterns) => {
  const page = textOf(path) ?? '';

  test('shows each recipe as it is in its file', () => {
    expect([...page.matchAll(SHOWN)].length).toBeGreaterThanOrEqual(atLeast);
    expect(wrongRecipes(page, patterns)).toEqual([]);
  });

  test('a recipe that differs, is missing, or has no file is found', () => {
    const [first = '', recipe = ''] = [...page.matchAll(SHOWN)][0] ?? [];
    const changed = first.replace(/```$/, '# planted\n```');
    expect(
      wrongRecipes(
        page.replace(first, () => changed),
        patterns,
      ),
    ).toEqual([recipe]);
    expect(wrongRecipes(page.replace(first, ''), patterns)).toEqual([recipe]);
    const planted = '<!-- examples/ci/planted.yml -->\n```yaml\na: 1\n```\n';
    expect(wrongRecipes(`${page}\n${planted}`, patterns)).toEqual(['examples/ci/planted.yml']);
  });
});
