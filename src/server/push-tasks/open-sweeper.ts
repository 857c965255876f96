/** Opens the configured sweeper without a server, for a process that only sweeps. */

import { DatabaseWakeUp, TaskQueue } from '@postlude/queue';
import { type Clock, type Log, toError } from '@postlude/queue/foundations';
import { ServerClock } from '@postlude/queue/storage';
import { Sweeper, type SweepSummary } from '@postlude/queue/tq';
import type { Config } from '../config/config.ts';
import { openReadyDatabase } from '../open-database.ts';
import { openSubmitter } from './open-submitter.ts';

export interface OpenedSweeper {
  /** Runs one sweep, as Sweeper.runOnce does. The summary tells if the database was unavailable. */
  runOnce(signal: AbortSignal): Promise<SweepSummary>;
  close(): Promise<void>;
}

/** Throws if the database cannot be opened with this version's schema. */
export async function openSweeper(
  config: Config,
  { log, clock: machineClock }: { readonly log: Log; readonly clock: Clock },
): Promise<OpenedSweeper> {
  const db = await openReadyDatabase(config, { log, clock: machineClock });
  try {
    const clock = new ServerClock(db, machineClock);
    await clock.sync();
    const wakeUp = await DatabaseWakeUp.open(db.notifications, log);
    const queue = new TaskQueue({ db, clock, wakeUp });
    const { submitter, close } = await openSubmitter(config.pushTasks, queue);
    const sweeper = new Sweeper({ db, submitter, clock, log });
    return {
      async runOnce(signal) {
        await clock.sync().catch((error: unknown) => {
          log.warn('cannot read the database clock', { error: toError(error) });
        });
        return await sweeper.runOnce(signal);
      },
      async close() {
        await close();
        await wakeUp.close();
        await db.close();
      },
    };
  } catch (error) {
    await db.close();
    throw error;
  }
}
