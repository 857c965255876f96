import { systemClock } from '@postlude/queue/foundations';
import { describe, expect, test } from 'vitest';
import { openCliWithServer } from '../../../../test/support/cli/cli-world.ts';
import {
  insertBrokenReminder,
  insertDeadReminders,
  insertReminder,
  reminderId,
} from '../../../../test/support/tq/reminders.ts';

const HOUR_MS = 3_600_000;
const later = (): number => systemClock.now() + HOUR_MS;
const earlier = (): number => systemClock.now() - HOUR_MS;

describe('postlude tq', () => {
  test('lists reminders, as a table and as JSON', async () => {
    const { run, database } = await openCliWithServer();
    expect((await run('tq', 'reminders')).out).toBe('no reminders\n');
    await insertReminder(database, 'a', later());
    await insertReminder(database, 'b', earlier());
    const table = (await run('tq', 'reminders')).out.split('\n');
    expect(table[0]).toMatch(/^ID +CLASS +STATE +CREATED +FRESH UNTIL$/);
    expect(table[1]).toMatch(/^a{32} {2}mail +FRESH +20.+Z +20.+Z$/);
    expect(table[2]).toMatch(/^b{32} {2}mail +STALE /);
    const one = (await run('tq', 'reminders', '--limit', '1', '--json')).json();
    expect(one).toMatchObject([{ id: reminderId('a'), class: 'mail', state: 'FRESH' }]);
  });

  test('lists the dead with their reasons, and redrives one, or all', async () => {
    const { run, database } = await openCliWithServer();
    expect((await run('tq', 'dead')).out).toBe('no dead reminders\n');
    await insertDeadReminders(database, ['a', 'b', 'c'], later());
    expect((await run('tq', 'dead')).out).toContain('  no queue for b\n');
    expect((await run('tq', 'dead', '--json')).json()).toHaveLength(3);
    expect((await run('tq', 'redrive', reminderId('b'))).out).toBe('1 redriven\n');
    expect((await run('tq', 'redrive', reminderId('b'), '--json')).json()).toEqual([
      { redriven: 0 },
    ]);
    expect((await run('tq', 'redrive', '--all')).out).toBe('2 redriven\n');
    expect((await run('tq', 'dead', '--json')).out).toBe('');
  });

  test.each([[[]], [['a', '--all']]])('redrives nothing without a target: %j', async (words) => {
    const { run } = await openCliWithServer();
    const refused = await run('tq', 'redrive', ...words);
    expect(refused).toMatchObject({
      code: 2,
      err: 'postlude: say what to redrive: ID, or --all\n',
    });
  });

  test('sweeps, and exits with 1 if a task could not be submitted', async () => {
    const { run, database } = await openCliWithServer();
    await insertReminder(database, 'a', earlier());
    await insertReminder(database, 'b', later());
    expect(await run('tq', 'sweep')).toMatchObject({
      code: 0,
      out: '2 reminders, 1 stale: 1 submitted\n',
    });
    await insertBrokenReminder(database, 'c', earlier());
    const broken = await run('tq', 'sweep', '--json');
    expect(broken.code).toBe(1);
    expect(broken.json()).toEqual([
      { scanned: 2, stale: 1, submitted: 0, kept: 0, dead: 1, missing: 0, isWhole: true },
    ]);
  });
});
