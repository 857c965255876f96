import { expect, test } from 'vitest';
import { loadMigrations } from '../migrator.ts';
import { MIGRATIONS_FOLDER as POSTGRES_FOLDER } from '../postgres/migration-target.ts';
import { MIGRATIONS_FOLDER, statementsOf } from './migration-target.ts';

test('every statement may be run twice', async () => {
  const statements = (await loadMigrations(MIGRATIONS_FOLDER)).flatMap(({ text }) =>
    statementsOf(text),
  );
  expect(statements.length).toBeGreaterThan(10);
  for (const statement of statements) expect(statement).toMatch(/IF (NOT )?EXISTS/);
});

test('the migrations are those of PostgreSQL, by number and name', async () => {
  const names = async (folder: URL) => (await loadMigrations(folder)).map(({ name }) => name);
  expect(await names(MIGRATIONS_FOLDER)).toEqual(await names(POSTGRES_FOLDER));
});

test('comments and blank statements are left out', () => {
  expect(statementsOf('-- a; b\nCREATE x; -- c\n\nCREATE y\n;\n')).toEqual([
    'CREATE x',
    'CREATE y',
  ]);
});
