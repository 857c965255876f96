/** Push tasks on a fresh database, with classes, a recording submitter and a clock that stands still. */

import { standardPayload } from '@postlude/queue';
import type { Database } from '@postlude/queue/storage';
import { FakeClock } from '@postlude/queue/testing';
import {
  listDeadReminders,
  listReminders,
  TaskClasses,
  Tq,
  type TqOptions,
  taskClass,
} from '@postlude/queue/tq';
import { z } from 'zod';
import { RecordingLog } from '../recording-log.ts';
import { RecordingSubmitter } from './recording-submitter.ts';

const payload = standardPayload(z.object({ to: z.string() }));

/** Tasks of this class are added inside and outside transactions. */
export const MAIL = taskClass({ id: 'mail', payload, kind: 'follows-context', queue: 'post' });
export const INNER = taskClass({ id: 'inner', payload, kind: 'transactional', queue: 'post' });
export const OUTER = taskClass({ id: 'outer', payload, kind: 'non-transactional', queue: 'post' });
export const NOTICE = taskClass({
  id: 'notice',
  payload,
  kind: 'follows-context',
  topic: 'notices',
});

export function openTqWorld(db: Database, options: Partial<TqOptions> = {}) {
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
