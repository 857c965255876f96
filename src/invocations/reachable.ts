/**
 * What an invocation reaches along inclusions, itself included: walked level by level in bounded
 * reads, never capped. Cycles and diamonds are fine, since each invocation is visited once; so the
 * ids of all visited are held in memory, some 150 bytes each, and nothing else grows.
 *
 * Each read is a snapshot of its own. Once an invocation is FINALIZING its inclusions are frozen,
 * and once it is FINALIZED so is all it reaches; then every walk gives the same.
 */
import { chunk } from '../concurrency.ts';
import type { Database, Reader } from '../storage/database.ts';
import { type InvocationId, toRowOrder } from './id.ts';
import { type Inclusion, inclusionsPage } from './inclusions.ts';

/** Reads that may each see another snapshot; see `sameSnapshot`. */
export type Snapshots = Pick<Database, 'read'>;

/** For a walk within one snapshot. */
export function sameSnapshot(reader: Reader): Snapshots {
  return { read: (fn) => fn(reader) };
}

const BATCH_IDS = 500;
const PAGE_ROWS = 5000;

/** Batches of ids, the roots first; each id once. */
export async function* walkReachable(
  db: Snapshots,
  roots: Iterable<InvocationId>,
): AsyncGenerator<readonly InvocationId[], void, void> {
  const seen = new Set<InvocationId>(roots);
  let level = [...seen];
  if (level.length > 0) yield level;
  while (level.length > 0) {
    const nextLevel: InvocationId[] = [];
    for await (const inclusions of allInclusions(db, level)) {
      const found = inclusions.map(({ included }) => included).filter((id) => !seen.has(id));
      const news = [...new Set(found)];
      if (news.length === 0) continue;
      for (const id of news) {
        seen.add(id);
        nextLevel.push(id);
      }
      yield news;
    }
    level = nextLevel;
  }
}

/** All that the roots reach, themselves included. */
export async function readReachable(
  db: Snapshots,
  roots: Iterable<InvocationId>,
): Promise<Set<InvocationId>> {
  const reached = new Set<InvocationId>();
  for await (const batch of walkReachable(db, roots)) for (const id of batch) reached.add(id);
  return reached;
}

async function* allInclusions(
  db: Snapshots,
  ids: readonly InvocationId[],
): AsyncGenerator<readonly Inclusion[], void, void> {
  for (const batch of chunk(toRowOrder(ids), BATCH_IDS)) {
    let after: Inclusion | undefined;
    do {
      const page = await db.read((reader) => inclusionsPage(reader, batch, after, PAGE_ROWS));
      yield page;
      after = page.length === PAGE_ROWS ? page.at(-1) : undefined;
    } while (after !== undefined);
  }
}
