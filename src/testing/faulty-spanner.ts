/** Spanner behind a network that fails where a test wants it. */
import { SpannerDatabase } from '../storage/spanner/database.ts';
import { parseDatabaseName } from '../storage/spanner/database-name.ts';
import { openLibrary, type SpannerLibrary } from '../storage/spanner/library.ts';

export const GRPC = { deadlineExceeded: 4, notFound: 5, aborted: 10, unavailable: 14 } as const;

/**
 * - `before`: the server never gets the call.
 * - `after`: the server has answered it, but the client never learns.
 */
export type FaultMoment = 'before' | 'after';

/** What befalls a call, if anything. Called for each, with how many of that method were before. */
export type Faults = (method: string, nth: number, request: object) => Fault | undefined;

export interface Fault {
  readonly moment: FaultMoment;
  readonly code: number;
  readonly message?: string;
}

export interface FaultySpanner {
  readonly database: SpannerDatabase;
  /** How often each method has been called. */
  readonly calls: ReadonlyMap<string, number>;
}

type DatabaseConfig = ConstructorParameters<typeof SpannerDatabase>[0];

export interface FaultySpannerOptions extends Pick<DatabaseConfig, 'clock' | 'random'> {
  readonly url: string;
  readonly emulatorHost: string;
  readonly faults: Faults;
}

export async function openFaultySpanner(options: FaultySpannerOptions): Promise<FaultySpanner> {
  const { url, emulatorHost, faults, ...config } = options;
  const name = parseDatabaseName(url);
  const real = await openLibrary({ projectId: name.project, emulatorHost });
  const calls = new Map<string, number>();
  const next = (method: string, request: object): Fault | undefined => {
    const nth = calls.get(method) ?? 0;
    calls.set(method, nth + 1);
    return faults(method, nth, request);
  };
  const library: SpannerLibrary = {
    ...real,
    async unary(method, request, callOptions) {
      const fault = next(method, request);
      if (fault?.moment === 'before') throw toError(fault);
      const answer = await real.unary(method, request, callOptions);
      if (fault) throw toError(fault);
      return answer;
    },
    async stream(method, request, callOptions) {
      const fault = next(method, request);
      if (fault?.moment === 'before') throw toError(fault);
      const stream = await real.stream(method, request, callOptions);
      return fault ? cut(stream, toError(fault)) : stream;
    },
  };
  return { database: new SpannerDatabase({ ...config, library, name, maxConnections: 4 }), calls };
}

/** Gives the first part, then breaks. */
function cut(stream: AsyncIterable<unknown> & { cancel(): void }, error: Error) {
  return {
    cancel: () => stream.cancel(),
    async *[Symbol.asyncIterator]() {
      for await (const part of stream) {
        yield part;
        throw error;
      }
    },
  };
}

function toError({ code, message = 'the network failed' }: Fault): Error {
  return Object.assign(new Error(message), { code });
}
