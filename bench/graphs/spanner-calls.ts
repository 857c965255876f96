/** Counts the calls to Spanner at its API; the counts are the same on the emulator and in the cloud. */
import type {
  CallStream,
  SpannerLibrary,
} from '../../packages/queue/src/storage/spanner/calls/library.ts';

export interface CallCounts {
  /** The commits that succeeded. */
  readonly commits: number;
  /** Queries and reads by key that succeeded, even in attempts that were aborted later. */
  readonly reads: number;
  /** Rows inserted, changed or deleted by commits that succeeded. */
  readonly mutations: number;
  /** Calls that Spanner answered by aborting their transaction. */
  readonly aborts: number;
}

const ABORTED = 10;

/** The library, with counts that grow with each call. */
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
        if (isAborted(error)) counts.aborts += 1;
        throw error;
      }
    },
    async stream(method, request, options) {
      const stream = await library.stream(method, request, options);
      counts.reads += 1;
      return withAborts(stream, () => {
        counts.reads -= 1;
        counts.aborts += 1;
      });
    },
  };
  return { library: counted, counts };
}

function withAborts(stream: CallStream, onAborted: () => void): CallStream {
  return {
    cancel: () => stream.cancel(),
    async *[Symbol.asyncIterator]() {
      try {
        yield* stream;
      } catch (error) {
        if (isAborted(error)) onAborted();
        throw error;
      }
    },
  };
}

function isAborted(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === ABORTED;
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
