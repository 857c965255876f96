/**
 * Notifications within the process: an embedded database has no other listeners. All databases of
 * one instance and schema hear each other.
 */
import type { Notifications } from '../database.ts';

type Listener = (payload: string) => void;

const listenersOf = new WeakMap<object, Map<string, Set<Listener>>>();

export function localNotifications(instance: object, schema: string): Notifications {
  const channels = listenersOf.get(instance) ?? new Map<string, Set<Listener>>();
  listenersOf.set(instance, channels);
  return {
    async notify(channel, payload) {
      for (const listener of channels.get(`${schema}.${channel}`) ?? []) listener(payload);
    },
    async listen(channel, fn) {
      const name = `${schema}.${channel}`;
      const listeners = channels.get(name) ?? new Set<Listener>();
      channels.set(name, listeners);
      // One function may listen twice; each listening ends by itself.
      const listener: Listener = (payload) => fn(payload);
      listeners.add(listener);
      return async () => {
        listeners.delete(listener);
      };
    },
  };
}
