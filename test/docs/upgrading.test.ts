/** Checks that UPGRADING.md says for each migration what it does and what it locks. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** The names of migrations in the section of a package, in the order of their rows. */
function namesIn(text: string, name: string): string[] {
  const [, section = ''] =
    new RegExp(`### \`${name}\`\\n([\\s\\S]*?)(?=\\n##|\\nFor scale)`).exec(text) ?? [];
  return [...section.matchAll(/^\| `(\d{4}_\w+)` \|/gm)].map(([, row = '']) => row);
}

test.each([
  ['@postlude/queue', 'packages/queue/src/storage/*/migrations/*.sql'],
  ['@postlude/postlude', 'src/migrations/*/*.sql'],
])('UPGRADING.md has a row for each migration of %s, in order', (name, pattern) => {
  const names = new Set(globSync(pattern, { cwd: ROOT }).map((file) => basename(file, '.sql')));
  expect(names.size).toBeGreaterThan(4);
  expect(namesIn(readFileSync(join(ROOT, 'UPGRADING.md'), 'utf8'), name)).toEqual(
    [...names].sort(),
  );
});

test('a row that is missing, or in the wrong place, changes the names', () => {
  const row = (name: string): string => `| \`${name}\` | adds a table | nothing |`;
  const section = (...names: string[]): string =>
    `### \`p\`\n\n${names.map(row).join('\n')}\n\n## Others\n`;
  expect(namesIn(section('0001_a', '0002_b'), 'p')).toEqual(['0001_a', '0002_b']);
  expect(namesIn(section('0002_b', '0001_a'), 'p')).toEqual(['0002_b', '0001_a']);
  expect(namesIn(`${section('0001_a')}\n${row('0002_b')}\n`, 'p')).toEqual(['0001_a']);
});
