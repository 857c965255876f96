/** Push tasks on a fresh database: a class of them, what was submitted, and a clock that stands still. */

import { z } from 'zod';
import type { Database } from '../../../src/storage/database.ts';
import { standardPayload } from '../../../src/tasks/payload.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
import { taskClass } from '../../../src/tq/classes/task-class.ts';
import { TaskClasses } from '../../../src/tq/classes/task-classes.ts';
import { listDeadReminders, listReminders } from '../../../src/tq/reminders/reminders.ts';
import { Tq, type TqConfig } from '../../../src/tq/tq.ts';
import { RecordingLog } from '../recording-log.ts';
import { RecordingSubmitter } from './recording-submitter.ts';

const payload = standardPayload(z.object({ to: z.string() }));

/** Added in transactions and outside. */
export const MAIL = taskClass({ id: 'mail', payload, kind: 'follows-context', queue: 'post' });
export const INNER = taskClass({ id: 'inner', payload, kind: 'transactional', queue: 'post' });
export const OUTER = taskClass({ id: 'outer', payload, kind: 'non-transactional', queue: 'post' });
export const NOTICE = taskClass({
  id: 'notice',
  payload,
  kind: 'follows-context',
  topic: 'notices',
});

export function openTqWorld(db: Database, options: Partial<TqConfig> = {}) {
  const clock = new FakeClock();
  const submitter = new RecordingSubmitter();
  const classes = new TaskClasses([MAIL, INNER, OUTER, NOTICE]);
  const log = new RecordingLog();
  const tq = new Tq({ db, classes, submitter, clock, log, ...options });
  return {
    db,
    clock,
    submitter,
    classes,
    log,
    tq,
    /** Adds mails in one transaction, and waits until what follows from it has ended. */
    send: async (...to: string[]): Promise<void> => {
      await db.write(async (tx) => {
        for (const name of to) await tq.addTask({ class: MAIL, payload: { to: name } }, tx);
      });
      await tq.idle();
    },
    reminders: () => db.read((tx) => listReminders(tx, { limit: 1_000 })),
    dead: () => db.read((tx) => listDeadReminders(tx, { limit: 1_000 })),
  };
}
