/** Finds the runs that an invocation is a part of. */
import { CodedError, chunk } from '@postlude/queue/foundations';
import type { Reader } from '@postlude/queue/storage';
import { decodeFields } from '../fields/stored-fields.ts';
import type { InvocationId } from '../id.ts';
import { includersPages } from '../inclusions.ts';
import { readInvocations } from '../invocations.ts';

/** How many invocations above one are looked at. */
export const MAX_ABOVE = 10_000;
const BATCH_IDS = 500;

/**
 * Returns the roots above an invocation, which may be one itself: what nothing includes, and export roots,
 * above which it does not look. They are sorted. Invocations that only include one another have no root.
 * Throws `resource-exhausted` if more than `limit` invocations are above it.
 */
export async function findRoots(
  reader: Reader,
  id: InvocationId,
  limit = MAX_ABOVE,
): Promise<InvocationId[]> {
  const seen = new Set([id]);
  const roots: InvocationId[] = [];
  for (let level: readonly InvocationId[] = [id]; level.length > 0; ) {
    const found: InvocationId[] = [];
    const exported = await findExportRoots(reader, level);
    roots.push(...exported);
    for (const each of level.filter((inner) => !exported.has(inner))) {
      let isIncluded = false;
      for await (const includers of includersPages(reader, each)) {
        isIncluded ||= includers.length > 0;
        found.push(...includers.filter((includer) => !seen.has(includer)));
        for (const includer of includers) seen.add(includer);
        if (seen.size > limit + 1) throw tooMany(id, limit);
      }
      if (!isIncluded) roots.push(each);
    }
    level = found;
  }
  return roots.sort();
}

async function findExportRoots(
  reader: Reader,
  ids: readonly InvocationId[],
): Promise<ReadonlySet<InvocationId>> {
  const roots = new Set<InvocationId>();
  for (const batch of chunk(ids, BATCH_IDS)) {
    for (const { details, id } of (await readInvocations(reader, batch)).values()) {
      if (decodeFields(details).isExportRoot) roots.add(id);
    }
  }
  return roots;
}

function tooMany(id: InvocationId, limit: number): CodedError {
  const problem = `more than ${limit} invocations include ${id}, so its roots are not looked for`;
  return new CodedError('resource-exhausted', problem);
}
