/** What the dying worker and the test that starts it have in common. */
import type { Database } from '../../src/storage/database.ts';
import { openPglite } from '../../src/storage/pglite/database.ts';
import { openFaultDatabase } from './task-effects.ts';

export const MAX_ATTEMPTS = 3;
/** Those are done at once, and come first. */
export const QUICK = 'a-quick-';
export const KILLER = 'b-killer';

/** By the arguments of a worker process. */
export async function openDyingDatabase([
  kind,
  place = '',
  schema = '',
]: readonly string[]): Promise<Database> {
  return kind === 'pglite'
    ? await openPglite({ dataDir: place })
    : await openFaultDatabase(place, schema);
}
