import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../test/support/databases/databases.ts';
import { Signal } from '../../../../test/support/signal.ts';
import { openTaskWorld, PLAIN } from '../../../../test/support/tasks/task-world.ts';
import { INNER, MAIL, NOTICE, OUTER, openTqWorld } from '../../../../test/support/tq/tq-world.ts';
import { Faults, forEachCrash } from '../testing/faults.ts';
import { taskClass } from './classes/task-class.ts';
import { redriveReminders } from './reminders/reminders.ts';
import { SubmitError } from './submit/submit-error.ts';
import type { SubmitOutcome } from './submit/submitter.ts';

const payload = { to: 'a' };

function failing(isTransient: boolean): () => Promise<SubmitOutcome> {
  return () => Promise.reject(new SubmitError('no', { isTransient, code: 'internal' }));
}

eachDatabase((open) => {
  describe('a task in a transaction', () => {
    test('costs no commit of its own after that, however many there are', async () => {
      const faults = new Faults();
      const { db, tq, submitter, reminders } = openTqWorld(faults.wrap(await open()));
      const answer = Promise.withResolvers<SubmitOutcome>();
      submitter.answer = () => answer.promise;
      await db.write(async (tx) => {
        for (let count = 0; count < 30; count++) await tq.addTask({ class: MAIL, payload }, tx);
      });
      await db.write((tx) => tq.addTask({ class: MAIL, payload }, tx));
      answer.resolve('submitted');
      await tq.idle();
      const effects = faults.steps.filter((step) => step === 'commit' || step === 'statement');
      expect(effects).toHaveLength(3); // two transactions, and one deletion of all reminders
      expect(await reminders()).toEqual([]);
    });

    test('is saved as a reminder, and submitted under its name after the commit', async () => {
      const { db, tq, submitter, clock, reminders } = openTqWorld(await open());
      const answer = new Signal<SubmitOutcome>();
      submitter.answer = () => answer.next();
      await db.write(async (tx) => {
        expect(await tq.addTask({ class: MAIL, payload }, tx)).toBe('added');
        expect(submitter.requests).toEqual([]);
      });
      const [reminder] = await reminders();
      expect(reminder).toMatchObject({
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        classId: 'mail',
        createTime: clock.now(),
        freshUntil: clock.now() + 60_000,
      });
      expect(submitter.requests).toMatchObject([{ kind: 'queue', name: reminder?.id }]);
      answer.emit('submitted');
      await tq.idle();
      expect(await reminders()).toEqual([]);
    });

    test('is not delivered if the transaction fails', async () => {
      const { db, tq, submitter, reminders } = openTqWorld(await open());
      const failed = db.write(async (tx) => {
        await tq.addTask({ class: MAIL, payload }, tx);
        throw new Error('rolled back');
      });
      await expect(failed).rejects.toThrow('rolled back');
      await tq.idle();
      expect(submitter.requests).toEqual([]);
      expect(await reminders()).toEqual([]);
    });

    test('does not make the caller wait for the queue', async () => {
      const { db, tq, submitter, clock } = openTqWorld(await open());
      submitter.answer = () => new Promise(() => undefined);
      await db.write((tx) => tq.addTask({ class: MAIL, payload }, tx));
      await clock.untilSleepers(1);
      expect(submitter.requests).toHaveLength(1);
    });

    test('keeps its reminder if four attempts to reach the queue fail', async () => {
      const { submitter, send, reminders, dead, log } = openTqWorld(await open());
      submitter.answer = failing(true);
      await send('a');
      expect(submitter.requests).toHaveLength(4);
      expect(await reminders()).toHaveLength(1);
      expect(await dead()).toEqual([]);
      expect(log.lines).toMatchObject([{ level: 'warn', fields: { path: 'happy' } }]);
    });

    test('is submitted if an attempt succeeds after a failed one', async () => {
      const { submitter, send, reminders } = openTqWorld(await open());
      submitter.answer = (request) =>
        submitter.requests.filter((other) => other === request).length < 3
          ? failing(true)()
          : Promise.resolve('duplicate');
      await send('a');
      expect(submitter.requests).toHaveLength(3);
      expect(await reminders()).toEqual([]);
    });

    test('leaves a dead reminder if it cannot be submitted, and can be redriven', async () => {
      const { db, submitter, send, reminders, dead, clock } = openTqWorld(await open());
      submitter.answer = failing(false);
      await send('a', 'b');
      expect(submitter.requests).toHaveLength(2);
      expect(await reminders()).toEqual([]);
      expect(await dead()).toMatchObject([
        { classId: 'mail', reason: 'no', deadTime: clock.now() },
        { classId: 'mail', reason: 'no' },
      ]);
      const [first] = await dead();
      expect(await redriveReminders(db, first?.id)).toBe(1);
      expect(await reminders()).toMatchObject([{ id: first?.id, freshUntil: clock.now() }]);
      expect(await redriveReminders(db)).toBe(1);
      expect(await redriveReminders(db, 'not there')).toBe(0);
      expect(await dead()).toEqual([]);
      expect(await reminders()).toHaveLength(2);
    });

    test('is left to a sweep if its turn comes too late', async () => {
      const { db, tq, submitter, clock, reminders } = openTqWorld(await open());
      await db.write(async (tx) => {
        await tq.addTask({ class: MAIL, payload }, tx);
        clock.advance(60_000);
      });
      await tq.idle();
      expect(submitter.requests).toEqual([]);
      expect(await reminders()).toHaveLength(1);
    });

    test('counts as not submitted if the queue does not respond within 20 s', async () => {
      const { tq, submitter, send, clock, reminders } = openTqWorld(await open());
      const aborted: boolean[] = [];
      submitter.answer = (_, signal) =>
        new Promise(() => signal.addEventListener('abort', () => aborted.push(signal.aborted)));
      const sent = send('a');
      for (let attempt = 1; attempt <= 4; attempt++) {
        await clock.untilSleepers(1);
        clock.advance(20_000);
        await new Promise(setImmediate);
      }
      await sent;
      await tq.idle();
      expect(aborted).toEqual([true, true, true, true]);
      expect(await reminders()).toHaveLength(1);
    });

    test('carries the id of its reminder if it goes to a topic', async () => {
      const { db, tq, submitter } = openTqWorld(await open());
      await db.write((tx) => tq.addTask({ class: NOTICE, payload }, tx));
      await tq.idle();
      expect(submitter.requests).toMatchObject([
        { attributes: { 'X-Luci-Tq-Reminder-Id': expect.stringMatching(/^[0-9a-f]{32}$/) } },
      ]);
    });

    test('is submitted with hundreds of others, and no reminder is left', async () => {
      const { send, submitter, reminders } = openTqWorld(await open());
      await send(...Array.from({ length: 300 }, (_, index) => `m${index}`));
      expect(submitter.requests).toHaveLength(300);
      expect(await reminders()).toEqual([]);
    });

    test('is delivered if and only if its transaction commits, wherever the process dies', async () => {
      await forEachCrash(async (faults) => {
        const { db, queue, clock, living } = await openTaskWorld(open);
        const dying = faults.wrap(db);
        const { tq, submitter } = openTqWorld(dying, { clock });
        await faults.run(() =>
          dying.write(async (tx) => {
            await queue.enqueue([{ type: PLAIN, id: 'committed' }], tx);
            await tq.addTask({ class: MAIL, payload }, tx);
          }),
        );
        await tq.idle();
        const isCommitted = (await living()).length === 1;
        const isRemembered = (await openTqWorld(db).reminders()).length === 1;
        const isSubmitted = submitter.requests.length === 1;
        expect(isRemembered || isSubmitted).toBe(isCommitted);
      });
    });
  });

  describe('a task outside transactions', () => {
    test('is submitted at once, without a reminder', async () => {
      const { tq, submitter, reminders } = openTqWorld(await open());
      expect(await tq.addTask({ class: OUTER, payload })).toBe('added');
      expect(submitter.requests).toMatchObject([{ classId: 'outer' }]);
      expect(await reminders()).toEqual([]);
    });

    test('is reported as a duplicate if its key is known', async () => {
      const { tq, submitter } = openTqWorld(await open());
      submitter.answer = () => Promise.resolve('duplicate');
      const task = { class: OUTER, payload, deduplicationKey: 'k' };
      expect(await tq.addTask(task)).toBe('duplicate');
    });

    test.each([true, false])(
      'tells its caller that the queue failed (transient: %s)',
      async (isTransient) => {
        const { tq, submitter } = openTqWorld(await open());
        submitter.answer = failing(isTransient);
        await expect(tq.addTask({ class: OUTER, payload })).rejects.toMatchObject({ isTransient });
        expect(submitter.requests).toHaveLength(isTransient ? 4 : 1);
      },
    );
  });

  test('the kind of a class says whether its tasks are added in transactions', async () => {
    const { db, tq } = openTqWorld(await open());
    await expect(tq.addTask({ class: INNER, payload })).rejects.toThrow('in a transaction only');
    const inside = db.write((tx) => tq.addTask({ class: OUTER, payload }, tx));
    await expect(inside).rejects.toThrow('outside transactions');
    const keyed = db.write((tx) => tq.addTask({ class: MAIL, payload, deduplicationKey: 'k' }, tx));
    await expect(keyed).rejects.toThrow('no deduplicationKey in a transaction');
  });

  test('a reminder whose id no sweep would find is refused', async () => {
    const { db, tq } = openTqWorld(await open(), { newReminderId: () => 'F'.repeat(32) });
    const added = db.write((tx) => tq.addTask({ class: MAIL, payload }, tx));
    await expect(added).rejects.toThrow('is not the id of a reminder');
  });

  test('a class that is not registered is refused', async () => {
    const { tq } = openTqWorld(await open());
    const other = taskClass({ ...MAIL });
    await expect(tq.addTask({ class: other, payload })).rejects.toThrow('not registered');
  });
});
