/** What a sink is given that only looks: nothing is exported, so no database is needed. */
import { type Clock, CodedError, noMetrics, silentLog } from '@postlude/queue/foundations';
import type { SinkParts } from './sink-kind.ts';

export function detachedParts(clock: Clock, scratch: string): SinkParts {
  const refuse = () => Promise.reject(new CodedError('failed-precondition', 'no database is open'));
  const db = { read: refuse, write: refuse };
  return { db, clock, scratch, log: silentLog, metrics: noMetrics };
}
