/**
 * Notifications within the process, as Spanner has none. All databases that this process has open under one
 * name share them.
 */
import type { Log } from '../../foundations/log.ts';
import { checkPayload, Listeners } from '../backend/listeners.ts';
import type { NestingGuard } from '../backend/nesting.ts';
import type { Notifications } from '../database.ts';

export interface ProcessNotificationsConfig {
  readonly log: Log;
  readonly guard: NestingGuard;
}

const listeners = new Listeners();

export function processNotifications(
  databasePath: string,
  { log, guard }: ProcessNotificationsConfig,
): Notifications {
  return {
    async notify(channel, payload) {
      guard.check('notify'); // as on PostgreSQL, where it needs a connection
      checkPayload(payload);
      listeners.deliver(`${databasePath} ${channel}`, payload, log);
    },
    async listen(channel, fn) {
      const stop = listeners.add(`${databasePath} ${channel}`, fn);
      return async () => stop();
    },
  };
}
