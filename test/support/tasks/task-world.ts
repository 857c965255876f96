/** A queue on a fresh database, with a clock that stands still, for tests of tasks. */

import {
  type Lease,
  noPayload,
  standardPayload,
  TaskInspector,
  TaskQueue,
  taskType,
} from '@postlude/queue';
import { FakeClock } from '@postlude/queue/testing';
import { z } from 'zod';
import type { OpenDatabase } from '../databases/databases.ts';

export const PLAIN = taskType('plain', noPayload);
export const LETTER = taskType('letter', standardPayload(z.object({ to: z.string() })));

export const MINUTE = 60_000;

export async function openTaskWorld(open: OpenDatabase) {
  const db = await open();
  const clock = new FakeClock();
  const queue = new TaskQueue({ db, clock });
  const inspector = new TaskInspector({ db, clock });
  return {
    db,
    clock,
    queue,
    inspector,
    /** Enqueues tasks of type `plain` that are due now. */
    enqueue: (...ids: string[]) => queue.enqueue(ids.map((id) => ({ type: PLAIN, id }))),
    /** Leases a task of type `plain` that must be free. */
    lease: async (id: string): Promise<Lease> => {
      const lease = await queue.lease('plain', id, MINUTE);
      if (!lease) throw new Error(`task ${id} could not be leased`);
      return lease;
    },
    peek: async (): Promise<string[]> => {
      const ids: string[] = [];
      for await (const id of queue.peek('plain')) ids.push(id);
      return ids;
    },
    dead: () => inspector.listDead({ limit: 100 }),
    living: () => inspector.list({ limit: 1_000 }),
  };
}
