/** Checks that the recipes of docs/ci.md are the files that the simulators of CI systems run. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/ci.md'), 'utf8');
const SHOWN = /^<!-- (\S+) -->\n```[a-z]+\n([\s\S]*?)^```$/gm;

test('docs/ci.md shows each recipe as it is in its file', () => {
  const files = globSync('examples/ci/**/{*,.*}.*', { cwd: ROOT }).concat(
    globSync('examples/ci/**/Jenkinsfile', { cwd: ROOT }),
  );
  const shown = [...PAGE.matchAll(SHOWN)].map(([, path, text]) => ({ path, text }));
  expect(shown.map(({ path }) => path).sort()).toEqual(files.sort());
  for (const { path = '', text } of shown) {
    expect(text, path).toBe(readFileSync(join(ROOT, path), 'utf8'));
  }
});
