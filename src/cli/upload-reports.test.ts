import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../clock.ts';
import { openCliWithServer } from '../testing/cli-world.ts';

const HOUR_MS = 3_600_000;

function ctrf(start: number): string {
  const tests = [{ name: 'a', status: 'passed', duration: 5, start, stop: start + 5 }];
  const summary = { tests: 1, passed: 1, failed: 0, pending: 0, skipped: 0, other: 0 };
  return JSON.stringify({ results: { tool: { name: 'x' }, summary, tests } });
}

test('a machine whose clock is ahead of the server gets its results in', async () => {
  const { cwd, runWith } = await openCliWithServer();
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + HOUR_MS };
  await writeFile(join(cwd, 'report.json'), ctrf(clock.now() - 1_000));
  expect(await runWith({ clock }, 'create', 'inv')).toMatchObject({ code: 0 });
  const upload = ['upload', 'report.json', '--invocation', 'inv'];
  expect(await runWith({ clock }, ...upload)).toMatchObject({ code: 0, err: '' });
});
