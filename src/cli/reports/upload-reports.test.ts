import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '@postlude/queue/foundations';
import { describe, expect, test } from 'vitest';
import { openCliWithServer } from '../../../test/support/cli/cli-world.ts';

const HOUR_MS = 3_600_000;

function ctrf(start: number): string {
  const tests = [{ name: 'a', status: 'passed', duration: 5, start, stop: start + 5 }];
  const summary = { tests: 1, passed: 1, failed: 0, pending: 0, skipped: 0, other: 0 };
  return JSON.stringify({ results: { tool: { name: 'x' }, summary, tests } });
}

/** A machine whose clock is ahead of the server's, like the times in its report. */
async function openEarlyMachine() {
  const world = await openCliWithServer();
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + HOUR_MS };
  await writeFile(join(world.cwd, 'report.json'), ctrf(clock.now() - 1_000));
  const created = await world.runWith({ clock }, 'create', 'inv', '--json');
  const [{ updateToken }] = created.json() as [{ updateToken: string }];
  return { ...world, clock, updateToken };
}

const UPLOAD = ['upload', 'report.json', '--invocation', 'inv'];

describe('a machine whose clock is ahead of its server can upload its results', () => {
  test('with a token that it asks for', async () => {
    const { clock, runWith } = await openEarlyMachine();
    expect(await runWith({ clock }, ...UPLOAD)).toMatchObject({ code: 0, err: '' });
  });

  test('with a token that it is given, so that the results are its first call', async () => {
    const { clock, runWith, updateToken } = await openEarlyMachine();
    const uploaded = await runWith({ clock }, ...UPLOAD, '--token', updateToken);
    expect(uploaded).toMatchObject({ code: 0, err: '' });
  });

  test('with the token of the record command that runs it', async () => {
    const { clock, runWith, updateToken } = await openEarlyMachine();
    const env = { POSTLUDE_INVOCATION: 'inv', POSTLUDE_UPDATE_TOKEN: updateToken };
    expect(await runWith({ clock, env }, ...UPLOAD)).toMatchObject({ code: 0, err: '' });
  });
});
