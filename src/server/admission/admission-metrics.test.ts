import { silentLog } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { openTestAdmission } from '../../../test/support/server/test-admission.ts';
import { openMeters } from '../telemetry/meters.ts';
import { byClass } from './method-class.ts';
import { identityParty } from './party.ts';

const CREATE = 'luci.resultdb.v1.Recorder/BatchCreateTestResults';
const SAMPLE = /^postlude_admission_(\w+)(?:\{(.*)\})? ([\d.]+)$/;

function openWorld() {
  const { metrics, render } = openMeters({ log: silentLog });
  const world = openTestAdmission({ atOnce: 1, limits: { waiting: byClass(() => 1) }, metrics });
  const enter = () =>
    world.admission.enter({
      method: CREATE,
      party: identityParty('user:secret@example.com'),
      realm: 'acme:ci',
      bytes: 1_000,
      signal: new AbortController().signal,
    });
  /** The values of the metrics that are not 0, by their names and labels. */
  const values = async (): Promise<Record<string, number>> => {
    const samples = (await render()).split('\n').flatMap((line) => {
      const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
      const own = labels.replace(/,?otel_scope_\w+="[^"]*"/g, '').replace(/^,/, '');
      return name === undefined ? [] : [[`${name} ${own}`.trim(), Number(value)] as const];
    });
    return Object.fromEntries(samples.filter(([, value]) => value > 0));
  };
  return { ...world, enter, render, values };
}

test('the metrics tell what is in work, what waits, its bytes, and what was refused and why', async () => {
  const { enter, values } = openWorld();
  const inWork = await enter();
  const waits = enter();
  await expect(enter()).rejects.toThrow('try again');
  expect(await values()).toEqual({
    'requests class="write",state="in work"': 1,
    'requests class="write",state="waiting"': 1,
    bytes: 1_000,
    share: 1,
    'refused_total class="write",reason="queue-full"': 1,
  });
  inWork.release();
  (await waits).release();
  expect(await values()).toEqual({
    share: 1,
    'refused_total class="write",reason="queue-full"': 1,
  });
});

test('the share falls under overload', async () => {
  const { control, load, values } = openWorld();
  load.delayMs = 10_000;
  control.check();
  expect((await values()).share ?? 0).toBeLessThan(1);
});

test('no caller is a label, as there may be any number of them', async () => {
  const { enter, render } = openWorld();
  await enter();
  void enter();
  await enter().catch(() => undefined);
  expect(await render()).not.toMatch(/secret@example|acme/);
});
