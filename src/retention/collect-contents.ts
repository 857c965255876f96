/**
 * Removes the contents of artifacts that no artifact has any more, or that an upload has left that died. See
 * src/artifacts/unused-contents.ts for why none is removed that an artifact has.
 */
import {
  type Clock,
  forEachLimit,
  type Log,
  silentLog,
  toError,
} from '@postlude/queue/foundations';
import { type Database, LOOK } from '@postlude/queue/storage';
import type { Contents } from '../artifacts/contents.ts';
import { claimUnused, findUnused, forgetUnused } from '../artifacts/unused-contents.ts';

export interface CollectingParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly contents: Pick<Contents, 'remove'>;
  readonly log?: Log;
}

const PAGE_KEYS = 100;
/** How many contents are removed at once. */
const AT_ONCE = 8;

/**
 * Returns how many contents were removed. Those that cannot be removed stay for the next call. If `signal`
 * aborts during a read, its reason is thrown.
 */
export async function collectContents(
  { clock, contents, db, log = silentLog }: CollectingParts,
  signal?: AbortSignal,
): Promise<number> {
  const now = clock.now();
  let removed = 0;
  let page: readonly string[] = [];
  do {
    const after = page.at(-1) ?? '';
    const listing = { after, limit: PAGE_KEYS, now };
    page = await db.read((tx) => findUnused(tx, listing), { ...LOOK, signal });
    if (page.length === 0) break;
    const claimed = await db.write((tx) => claimUnused(tx, page, now));
    const gone: string[] = [];
    await forEachLimit(claimed, AT_ONCE, async (key) => {
      try {
        await contents.remove(key);
        gone.push(key);
      } catch (error) {
        log.warn('the content of an artifact is removed later', { key, error: toError(error) });
      }
    });
    await db.write((tx) => forgetUnused(tx, gone));
    removed += gone.length;
  } while (page.length === PAGE_KEYS && signal?.aborted !== true);
  return removed;
}
