import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lastLine, runScript } from './script-run.ts';

const BENCH = join(import.meta.dirname, '../../bench');
const SMALL = ['--tasks', '600', '--rounds', '1', '--json'];

test('a bench of PostgreSQL runs on a server that keeps what it acknowledges, and says so', async () => {
  const run = await runScript('bench/process-rate.ts', SMALL);
  expect(lastLine(run)).toMatchObject({
    bench: 'process-rate',
    conditions: {
      machine: { cores: expect.any(Number), load: [expect.any(Number), expect.any(Number)] },
      versions: { node: process.versions.node, postgres: expect.stringMatching(/^\d+/) },
      postgres: {
        durable: true,
        settings: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' },
      },
    },
  });
});

test('a bench that was told to be fast and unsafe says so', async () => {
  const run = await runScript('bench/process-rate.ts', [...SMALL, '--unsafe-fast']);
  expect(lastLine(run)).toMatchObject({
    conditions: { postgres: { durable: false, settings: { fsync: 'off' } } },
  });
});

test('a bench says whether the planner may scan tables, which it may by default', async () => {
  const args = ['--sizes', '20', '--shapes', 'star', '--naive', '10', '--json'];
  const settings = async (...more: string[]) =>
    lastLine(await runScript('bench/finalize-graphs.ts', [...args, ...more]));
  expect(await settings()).toMatchObject({
    conditions: { postgres: { settings: { enable_seqscan: 'on' } } },
  });
  expect(await settings('--no-seqscan')).toMatchObject({
    conditions: { postgres: { settings: { enable_seqscan: 'off' } } },
  });
});

test('every bench prints its conditions and uses only the server for benches', () => {
  const files = readdirSync(BENCH).filter((file) => file.endsWith('.ts'));
  const benches = files.filter((file) => file !== 'run.ts');
  expect(benches.length).toBeGreaterThanOrEqual(9);
  for (const file of benches) {
    const source = readFileSync(join(BENCH, file), 'utf8');
    expect(source, file).toContain('await readConditions(');
    expect(source, file).not.toMatch(/fastSettings|startPostgres/);
  }
});

test.each([
  ['process-rate', ['--task', '5'], '[--tasks …]'],
  ['process-rate', ['--tasks', 'many'], 'a whole number from 1'],
  ['finalize-graphs', ['--shapes', 'sta'], 'star, tree, dag, chain, ring'],
  ['export-rate', ['--database', 'spaner'], 'postgres, pglite'],
  ['spanner-finalize', ['--shapes', 'star'], 'star-N'],
])('bench %s refuses %j and lists what there is', async (name, args, listed) => {
  const { code, stdout, stderr } = await runScript(`bench/${name}.ts`, args);
  expect(stderr).toContain(listed);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});
