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

/**
 * All that the roots reach, themselves included, but for superseded attempts, whose results do not
 * count: not even where one is a root, since half of an attempt beside the next one is twice the tests.
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
  /** Reached for the first time. */
  readonly found: readonly InvocationId[];
  /** Reached before, and known by now to be superseded. */
  readonly superseded: readonly InvocationId[];
}

/** Walks from what `seen` holds, and adds to it what it finds. */
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
      const page = await db.read((reader) => inclusionsPage(reader, batch, after, PAGE_ROWS));
      yield page;
      after = page.length === PAGE_ROWS ? page.at(-1) : undefined;
    } while (after !== undefined);
  }
}
