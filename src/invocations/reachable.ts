/**
 * Finds the invocations that an invocation reaches along inclusions, itself included. The walk goes
 * level by level in bounded reads, and its size has no limit. Cycles and diamonds are fine, since
 * each invocation is visited once. For that, memory holds the ids of all visited invocations, some
 * 150 bytes each, and nothing else that grows.
 *
 * Each read is a snapshot of its own. The inclusions of a FINALIZING invocation are frozen, and a
 * FINALIZED one reaches only FINALIZED ones, so every walk from there finds the same.
 */
import { chunk } from '@postlude/queue/foundations';
import type { Database, Reader } from '@postlude/queue/storage';
import { type InvocationId, toRowOrder } from './id.ts';
import { type Inclusion, inclusionsPage } from './inclusions.ts';

/** Each read may see another snapshot; see `sameSnapshot`. */
export type Snapshots = Pick<Database, 'read'>;

/** Makes all reads of a walk see one snapshot. */
export function sameSnapshot(reader: Reader): Snapshots {
  return { read: (fn) => fn(reader) };
}

const BATCH_IDS = 500;
const PAGE_ROWS = 5000;

/**
 * Returns all invocations that the roots reach, themselves included, without superseded attempts,
 * whose results do not count. A root that is superseded is left out as well: half an attempt beside
 * the next one would show some tests twice.
 */
export async function readReachable(
  db: Snapshots,
  roots: Iterable<InvocationId>,
): Promise<Set<InvocationId>> {
  const reached = new Set<InvocationId>(roots);
  const superseded: InvocationId[] = [];
  for await (const step of walkInclusions(db, reached)) superseded.push(...step.superseded);
  for (const id of superseded) reached.delete(id);
  return reached;
}

interface WalkStep {
  /** The invocations that were reached for the first time. */
  readonly found: readonly InvocationId[];
  /** Invocations that were reached before, and are now known to be superseded. */
  readonly superseded: readonly InvocationId[];
}

/** Walks from the invocations in `seen`, and adds those that it finds. */
async function* walkInclusions(
  db: Snapshots,
  seen: Set<InvocationId>,
): AsyncGenerator<WalkStep, void, void> {
  for (let level = [...seen]; level.length > 0; ) {
    const nextLevel: InvocationId[] = [];
    for await (const inclusions of allInclusions(db, level)) {
      const included = inclusions.map((inclusion) => inclusion.included);
      const found = [...new Set(included.filter((id) => !seen.has(id)))];
      for (const id of found) {
        seen.add(id);
        nextLevel.push(id);
      }
      const superseding = inclusions.filter(({ supersedes }) => supersedes);
      yield { found, superseded: superseding.map(({ including }) => including) };
    }
    level = nextLevel;
  }
}

async function* allInclusions(
  db: Snapshots,
  ids: readonly InvocationId[],
): AsyncGenerator<readonly Inclusion[], void, void> {
  for (const batch of chunk(toRowOrder(ids), BATCH_IDS)) {
    let after: Inclusion | undefined;
    do {
      const position = { after, limit: PAGE_ROWS };
      const page = await db.read((reader) => inclusionsPage(reader, batch, position));
      yield page;
      after = page.length === PAGE_ROWS ? page.at(-1) : undefined;
    } while (after !== undefined);
  }
}
