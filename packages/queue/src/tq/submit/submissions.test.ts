import { expect, test } from 'vitest';
import { openTestPglite } from '../../../../../test/support/databases/databases.ts';
import { systemClock } from '../../foundations/clock.ts';
import { silentLog } from '../../foundations/log.ts';
import { noMetrics } from '../../foundations/metrics.ts';
import { newReminder } from '../reminders/reminder.ts';
import { TqMetrics } from '../tq-metrics.ts';
import { Submissions } from './submissions.ts';
import type { SubmitOutcome } from './submitter.ts';

/** How many tasks run at once, plus how many may wait. */
const MOST = 64 + 10_000;

const REQUEST = {
  kind: 'queue',
  classId: 'mail',
  queue: 'projects/p/locations/l/queues/mail',
  method: 'POST',
  url: 'https://example.org/t/mail',
  headers: {},
  body: new Uint8Array(),
} as const;

test('a queue that is away does not fill the memory: further tasks are left to sweeps', async () => {
  const gate = Promise.withResolvers<SubmitOutcome>();
  let submitted = 0;
  let atOnce = 0;
  let mostAtOnce = 0;
  const submit = async (): Promise<SubmitOutcome> => {
    submitted += 1;
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    const outcome = await gate.promise;
    atOnce -= 1;
    return outcome;
  };
  const submissions = new Submissions({
    db: await openTestPglite(),
    submitter: { submit },
    clock: systemClock,
    log: silentLog,
    metrics: new TqMetrics(noMetrics),
  });
  for (let number = 0; number < MOST + 10; number++) {
    const id = number.toString(16).padStart(32, '0');
    const reminder = newReminder(id, REQUEST, systemClock.now());
    submissions.add({ reminder, addedAt: systemClock.monotonicMs() });
  }
  gate.resolve('submitted');
  await submissions.idle();
  expect(submitted).toBe(MOST);
  expect(mostAtOnce).toBe(64);
});
