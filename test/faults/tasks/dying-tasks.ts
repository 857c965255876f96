/** What the dying worker and the test that starts it have in common. */
import type { Database } from '../../../src/storage/database.ts';
import { openPglite } from '../../../src/storage/pglite/database.ts';
import { openSpanner } from '../../../src/storage/spanner/open.ts';
import { openFaultDatabase } from './task-effects.ts';

export const MAX_ATTEMPTS = 3;
/** Those are done at once, and come first. */
export const QUICK = 'a-quick-';
export const KILLER = 'b-killer';

/** By the arguments of a worker process. */
export async function openDyingDatabase([
  kind,
  place = '',
  more = '',
]: readonly string[]): Promise<Database> {
  if (kind === 'pglite') return await openPglite({ dataDir: place });
  if (kind === 'spanner') return await openSpanner({ database: place, emulatorHost: more });
  return await openFaultDatabase(place, more);
}
