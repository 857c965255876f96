import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { benchFiles } from '../../bench/conditions/bench-files.ts';
import { lastLine, runScript } from './script-run.ts';

const SMALL = ['--tasks', '600', '--rounds', '1', '--no-peers', '--json'];

test('a bench of PostgreSQL runs on a server that keeps what it acknowledges, and says so', async () => {
  const run = await runScript('bench/queue/process-rate.ts', SMALL);
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
  const run = await runScript('bench/queue/process-rate.ts', [...SMALL, '--unsafe-fast']);
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

test('peers have exact versions, and their lock file names no host', () => {
  const peers = join(import.meta.dirname, '../../bench/peers');
  const { dependencies } = JSON.parse(readFileSync(join(peers, 'package.json'), 'utf8'));
  const lock = readFileSync(join(peers, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lock) as { packages: Record<string, { version: string }> };
  expect(Object.keys(dependencies)).toEqual(['graphile-worker', 'pg', 'pg-boss']);
  for (const [name, version] of Object.entries(dependencies)) {
    expect(packages[`node_modules/${name}`]?.version).toBe(version);
  }
  expect(lock).not.toContain('"resolved"');
});

test('every bench prints its conditions and uses only the server for benches', () => {
  const benches = [...benchFiles()];
  expect(benches.length).toBeGreaterThanOrEqual(9);
  for (const [name, file] of benches) {
    const source = readFileSync(file, 'utf8');
    expect(source, name).toContain('await readConditions(');
    expect(source, name).not.toMatch(/fastSettings|startPostgres/);
  }
});

test.each([
  ['process-rate', ['--task', '5'], '[--tasks …]'],
  ['process-rate', ['--tasks', 'many'], 'a whole number from 1'],
  ['finalize-graphs', ['--shapes', 'sta'], 'star, tree, dag, chain, ring'],
  ['export-rate', ['--database', 'spaner'], 'postgres, pglite'],
  ['spanner-finalize', ['--shapes', 'star'], 'star-N'],
])('bench %s refuses %j and lists what there is', async (name, args, listed) => {
  const { code, stdout, stderr } = await runScript(benchFiles().get(name) ?? name, args);
  expect(stderr).toContain(listed);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});
