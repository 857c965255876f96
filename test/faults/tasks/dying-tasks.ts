/** Shared by the dying worker and the test that starts it. */

import { openPglite } from '@postlude/queue/pglite';
import { openSpanner } from '@postlude/queue/spanner';
import type { Database } from '@postlude/queue/storage';
import { openFaultDatabase } from './task-effects.ts';

export const MAX_ATTEMPTS = 3;
/** Tasks that are done at once, and come first. */
export const QUICK = 'a-quick-';
export const KILLER = 'b-killer';

/** Opens the database that the arguments of a worker process name. */
export async function openDyingDatabase([
  kind,
  place = '',
  more = '',
]: readonly string[]): Promise<Database> {
  if (kind === 'pglite') return await openPglite({ dataDir: place });
  if (kind === 'spanner') return await openSpanner({ database: place, emulatorHost: more });
  return await openFaultDatabase(place, more);
}
