/** Counts what is asked of Spanner, at its API: the same on the emulator as on the real one. */
import type { SpannerLibrary } from '../../src/storage/spanner/library.ts';

export interface CallCounts {
  /** That succeeded. */
  readonly commits: number;
  /** Queries and reads by key, also those of attempts that were aborted. */
  readonly reads: number;
  /** Rows inserted, changed or deleted by commits that succeeded. */
  readonly mutations: number;
  /** Attempts at a transaction that Spanner aborted. */
  readonly aborts: number;
}

const ABORTED = 10;

/** The library, and a record that grows with each call. */
export function countCalls(library: SpannerLibrary) {
  const counts = { commits: 0, reads: 0, mutations: 0, aborts: 0 };
  const counted: SpannerLibrary = {
    ...library,
    async unary(method, request, options) {
      try {
        const answer = await library.unary(method, request, options);
        if (method === 'commit') {
          counts.commits += 1;
          counts.mutations += rowsOf(request);
        }
        return answer;
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === ABORTED) counts.aborts += 1;
        throw error;
      }
    },
    stream(method, request, options) {
      counts.reads += 1;
      return library.stream(method, request, options);
    },
  };
  return { library: counted, counts };
}

interface MutationGroup {
  readonly values?: readonly unknown[];
  readonly keySet?: { readonly keys: readonly unknown[] };
}

function rowsOf(request: object): number {
  const { mutations } = request as { readonly mutations: readonly object[] };
  const groups = mutations.flatMap((mutation) => Object.values(mutation) as MutationGroup[]);
  return groups.reduce((sum, { values, keySet }) => sum + (values ?? keySet?.keys ?? []).length, 0);
}
