/** UPGRADING.md says of every migration what it does and what it locks. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** The names of migrations, in the order of their rows. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/^\| `(\d{4}_\w+)` \|/gm)].map(([, name = '']) => name);
}

test('UPGRADING.md has a row for each migration, in order', () => {
  const files = globSync('src/**/migrations/*.sql', { cwd: ROOT });
  const names = new Set(files.map((file) => basename(file, '.sql')));
  expect(names.size).toBeGreaterThan(10);
  expect(namesIn(readFileSync(join(ROOT, 'UPGRADING.md'), 'utf8'))).toEqual([...names].sort());
});
