import { systemClock } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { openCliWithServer } from '../../../../test/support/cli/cli-world.ts';
import { newInvocation } from '../../../../test/support/invocations/fixtures.ts';
import { insertInvocations } from '../../../invocations/invocations.ts';

const HOUR_MS = 3_600_000;

/** `old` is overdue, and the server does not end it during the test. */
async function openWorld(settings = { enforceEvery: '10m' }) {
  const world = await openCliWithServer(settings);
  const now = systemClock.now();
  const row = (id: string, branch: string, [age, end]: readonly [number, number]) =>
    newInvocation(id, {
      realm: 'local:ci',
      createTime: now - age * HOUR_MS,
      deadline: now + end * HOUR_MS,
      tags: [{ key: 'branch', value: branch }],
    });
  await world.database.write((tx) =>
    insertInvocations(tx, [
      row('old', 'main', [10, -3]),
      row('middle', 'main', [5, 1.99]),
      row('young', 'dev', [1, 9.99]),
      newInvocation('foreign', { realm: 'local:other' }),
    ]),
  );
  return world;
}

const idsOf = (lines: unknown[]) =>
  lines.map((line) => (line as { invocation: string }).invocation);

test('list shows what is overdue, then the newest, with age, end and tags', async () => {
  const { run } = await openWorld();
  const { code, err, out } = await run('list');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/\s{2,}/));
  expect(lines).toEqual([
    ['INVOCATION', 'STATE', 'AGE', 'END', 'TAGS'],
    ['old', 'OVERDUE', '10h', '3h ago', 'branch:main'],
    ['young', 'ACTIVE', '60m', 'in 9h', 'branch:dev'],
    ['middle', 'ACTIVE', '5h', 'in 119m', 'branch:main'],
  ]);
});

test.each<[string, string[], string[]]>([
  ['all', [], ['old', 'young', 'middle']],
  ['the overdue', ['--overdue'], ['old']],
  ['ACTIVE ones by their ends', ['--state', 'active'], ['old', 'middle', 'young']],
  ['none that is FINALIZED', ['--state', 'finalized'], []],
  ['those with a tag', ['--tag', 'branch:main'], ['old', 'middle']],
  ['young ones', ['--newer', '2h'], ['young']],
  ['old ones', ['--older', '2h'], ['old', 'middle']],
  ['those of another realm', ['--realm', 'local:other', '--older', '1s'], ['foreign']],
  ['the first', ['--limit', '2'], ['old', 'young']],
])('list finds %s', async (_name, argv, found) => {
  const { run } = await openWorld();
  const { code, err, out, json } = await run('list', '--json', ...argv);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out === '' ? [] : idsOf(json())).toEqual(found);
});

test('list says how invocations ended if not by their owners', async () => {
  const { run } = await openWorld({ enforceEvery: '100ms' });
  await run('status', 'old', '--watch');
  const { out } = await run('list', '--state', 'finalized');
  expect(out).toContain('it was ended by its deadline');
  expect((await run('list', '--state', 'finalized', '--json')).json()).toMatchObject([
    { invocation: 'old', state: 'FINALIZED', endCause: 'DEADLINE', attempt: 1 },
  ]);
});

test.each([
  [['--state', 'done'], 'active, finalizing or finalized'],
  [['--overdue', '--state', 'finalized'], 'what is overdue is ACTIVE'],
])('list refuses %j', async (argv, reason) => {
  const { run } = await openWorld();
  const { code, err, out } = await run('list', ...argv);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(reason);
});
