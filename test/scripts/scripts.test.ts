import { describe, expect, test } from 'vitest';
import { lastLine, runScript } from './script-run.ts';

describe('a script refuses unknown arguments, with a list of the known ones', () => {
  test.each([
    ['chaos', ['tasks'], 'there is no tasks\nusage: npm run chaos -- tq'],
    ['chaos', [], 'a name is wanted'],
    ['chaos', ['tq', 'tq'], 'unknown argument tq'],
    ['chaos', ['tq', '--databases', 'spaner'], 'spaner: there is pglite, postgres, spanner'],
    ['chaos', ['tq', '--databases', ''], 'there is pglite, postgres, spanner'],
    ['chaos', ['tq', '--seeds', '0'], 'a whole number from 1'],
    ['chaos', ['tq', '--sed', '7'], '[--seed …]'],
    ['faults', ['task'], 'there is no task\nusage: npm run faults -- all|'],
    ['faults', ['--kill', '5'], '[--kills …]'],
    ['faults', ['--tasks', '0'], 'a whole number from 1'],
    ['faults', ['--kills', 'many'], 'a whole number from 0'],
    ['attacks/run', ['metrics', 'nothing'], 'there is no nothing\nusage: npm run attacks -- all|'],
    ['exhaustive-finalization', ['--historys', '5'], '[--histories …]'],
    ['emulators', ['list'], '[--list]'],
    ['test-corpora', ['--all'], 'npm run test:corpora'],
  ])('%s %j', async (name, args, listed) => {
    const { code, stdout, stderr } = await runScript(`scripts/${name}.ts`, args);
    expect(stderr).toContain(listed);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

test.each(['--help', '-h'])('%s of a script prints its options', async (option) => {
  const { code, stdout, stderr } = await runScript('scripts/faults.ts', [option]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('usage: npm run faults -- all|');
});

test('several attacks can be selected, by kind and by name', async () => {
  const { code, stdout } = await runScript('scripts/attacks/run.ts', [
    'bodies',
    'metrics',
    '--list',
  ]);
  const names = stdout.split('\n').map((line) => line.split(':')[0]);
  expect(names).toContain('deep-json');
  expect(names).toContain('metrics');
  expect(names).not.toContain('batches');
  expect(code).toBe(0);
});

test('chaos runs on Spanner if it is named', async ({ skip }) => {
  if (process.env.DATABASES && !process.env.DATABASES.includes('spanner')) skip();
  const args = ['tq', '--databases', 'spanner', '--seeds', '1', '--json'];
  const run = await runScript('scripts/chaos.ts', args);
  if (/no Spanner emulator/.test(run.stderr) && !process.env.CI) skip();
  expect(run.stderr).toBe('');
  expect(lastLine(run)).toMatchObject({ chaos: { seeds: 1, lost: 0, foreign: 0 } });
  expect(lastLine(run)).not.toMatchObject({ chaos: { committed: 0 } });
  expect(run.code).toBe(0);
});

test.each([
  [['tapp'], 'there is no tapp\nusage: npm run fuzz -- all|junit-xml'],
  [['tap', '--inputs', '0'], 'a whole number from 1'],
])('fuzzing refuses %j, with a list of the targets', async (args, listed) => {
  const { code, stdout, stderr } = await runScript('test/fuzz/run.ts', args);
  expect(stderr).toContain(listed);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

test('fuzzing lists its targets, and ends with its figures', async () => {
  const list = await runScript('test/fuzz/run.ts', ['--list']);
  expect(list.stdout).toContain('tap: reports in the format tap\n');
  const args = ['tap', '--inputs', '50', '--seed', '1', '--json'];
  const run = await runScript('test/fuzz/run.ts', args);
  expect(run.code, run.stderr).toBe(0);
  const targets = [{ target: 'tap', inputs: 50, seconds: expect.any(Number), finds: 0 }];
  expect(JSON.parse(run.stdout)).toEqual({ fuzz: { seed: 1, targets } });
});

test('a comparison of no reports is a failure', async () => {
  const run = await runScript('scripts/test-corpora.ts', [], { CORPORA: import.meta.dirname });
  expect(run.stderr).toContain('has no reports');
  expect(run.code).toBe(1);
});
