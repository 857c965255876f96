import { expect, onTestFinished, test } from 'vitest';
import { Attacker } from '../../scripts/attacks/attacker.ts';
import { SERVER_ATTACKS } from '../../scripts/attacks/attacks.ts';
import { lastLine, runScript } from '../scripts/script-run.ts';
import { createInvocation, getPage, startTestServer } from '../support/server/server-world.ts';

const PART = 0.01;

test.each(SERVER_ATTACKS)('a part of the attack $name is refused or served', async (attack) => {
  const world = await startTestServer();
  const { url } = world.server;
  const { signal } = new AbortController();
  const attacker = new Attacker({ url, scale: PART, holdMs: 0, signal });
  onTestFinished(() => attacker.close());
  const wave = await attack.prepare(attacker);
  await wave();
  const outcomes = Object.keys(attacker.counts.outcomes);
  if (attack.outcomes.length === 1) expect(outcomes).toEqual(attack.outcomes);
  else expect([...attack.outcomes, 'closed']).toEqual(expect.arrayContaining(outcomes));
  expect(attacker.counts.connections).toBeGreaterThan(0);
  await createInvocation(world, 'u-after');
  expect(await world.resultDb.getInvocation({ name: 'invocations/u-after' })).toMatchObject({
    realm: 'ci:main',
  });
  expect(await getPage(`${url}/healthz`)).toEqual([200, 'ok\n']);
});

test.each(['content-types', 'tap-blanks'])('the script runs the attack %s', async (name) => {
  const run = await runScript('scripts/attacks/run.ts', [name, '--seconds', '1', '--json']);
  expect(run.stderr).toBe('');
  const [first = ''] = run.stdout.split('\n');
  expect(JSON.parse(first)).toMatchObject({ attack: name, figures: {}, broken: expect.any(Array) });
  expect(lastLine(run)).toMatchObject({ attacks: { run: 1 } });
});

test('the script lists its attacks, and refuses others', async () => {
  const listed = await runScript('scripts/attacks/run.ts', ['--list']);
  expect(listed.stdout).toContain('brotli-unknown-fields: 16 MB of unknown fields');
  const refused = await runScript('scripts/attacks/run.ts', ['brotli']);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toContain('there is no brotli');
});
