import { expect, test } from 'vitest';
import { parseDatabaseName } from './database-name.ts';

test.each(['spanner://p-1/tests/results', 'projects/p-1/instances/tests/databases/results'])(
  '%s names a database',
  (name) => {
    expect(parseDatabaseName(name)).toEqual({
      project: 'p-1',
      instance: 'tests',
      database: 'results',
      path: 'projects/p-1/instances/tests/databases/results',
    });
  },
);

test.each([
  ['spanner://p/i', 'must be spanner://PROJECT/INSTANCE/DATABASE'],
  ['spanner://p/tests/results/more', 'must be spanner://PROJECT/INSTANCE/DATABASE'],
  ['spanner://p/Tests/results', 'names no possible instance of Spanner: Tests'],
  ['spanner://p/tests/r', 'names no possible database of Spanner: r'],
  [`spanner://p/tests/${'r'.repeat(31)}`, 'names no possible database'],
])('%s names none', (name, message) => {
  expect(() => parseDatabaseName(name)).toThrow(message);
});
