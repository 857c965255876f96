/**
 * Notifications within the process, as an embedded database has no other listeners. All databases of one
 * instance and schema share them.
 */
import type { Log } from '../../foundations/log.ts';
import { checkPayload, Listeners } from '../backend/listeners.ts';
import type { NestingGuard } from '../backend/nesting.ts';
import type { Notifications } from '../database.ts';

const listenersOf = new WeakMap<object, Listeners>();

export interface LocalNotificationsConfig {
  readonly schema: string;
  readonly log: Log;
  readonly guard: NestingGuard;
}

export function localNotifications(
  instance: object,
  { schema, log, guard }: LocalNotificationsConfig,
): Notifications {
  const listeners = listenersOf.get(instance) ?? new Listeners();
  listenersOf.set(instance, listeners);
  return {
    async notify(channel, payload) {
      guard.check('notify'); // as on a server, where it needs a connection
      checkPayload(payload);
      listeners.deliver(`${schema}.${channel}`, payload, log);
    },
    async listen(channel, fn) {
      const stop = listeners.add(`${schema}.${channel}`, fn);
      return async () => stop();
    },
  };
}
