import { expect, test } from 'vitest';
import { ImpatientClock } from '../../../../test/support/exports/impatient-clock.ts';
import { SinkBusyError } from '../../sink.ts';
import { TablePauses } from './table-pauses.ts';

const TABLE = { project: 'acme', dataset: 'tests', table: 'results' };
const OTHER = { ...TABLE, table: 'other' };

test('pauses grow until something succeeds, and then give the worker back', async () => {
  const clock = new ImpatientClock();
  const pauses = new TablePauses(clock, () => 1);
  for (let times = 0; times < 4; times++) {
    pauses.exhausted(TABLE, 'quota');
    await pauses.wait(TABLE);
  }
  expect(clock.pausesMs).toEqual([1_000, 2_000, 4_000, 8_000]);
  pauses.exhausted(TABLE, 'quota');
  const busy = await pauses.wait(TABLE).catch((error: unknown) => error);
  expect(busy).toBeInstanceOf(SinkBusyError);
  expect(busy).toMatchObject({ delayMs: 16_000, message: 'quota' });
  clock.advance(16_000);
  await pauses.wait(TABLE);
  pauses.succeeded(TABLE);
  pauses.exhausted(TABLE, 'quota');
  await pauses.wait(TABLE);
  expect(clock.pausesMs.at(-1)).toBe(1_000);
});

test('other tables are not held up', async () => {
  const clock = new ImpatientClock();
  const pauses = new TablePauses(clock, () => 1);
  pauses.exhausted(TABLE, 'quota');
  await pauses.wait(OTHER);
  expect(clock.pausesMs).toEqual([]);
});

test('exports that find a quota used up at the same time make one pause', async () => {
  const clock = new ImpatientClock();
  const pauses = new TablePauses(clock, () => 1);
  for (let times = 0; times < 10; times++) pauses.exhausted(TABLE, 'quota');
  await Promise.all([pauses.wait(TABLE), pauses.wait(TABLE)]);
  expect(Math.max(...clock.pausesMs)).toBe(1_000);
});
