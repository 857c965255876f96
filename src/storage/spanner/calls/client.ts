/**
 * The calls of Spanner's API that the backend makes, each tried once: what to try again, and when,
 * is decided by whoever makes the call.
 */
import { CodedError, toError } from '../../../errors.ts';
import { toStorageError } from '../errors.ts';
import type { WireValue } from '../types.ts';
import type { CallOptions, CallStream, SpannerCalls } from './library.ts';

/** Bytes that name a transaction. */
export type TransactionId = Uint8Array;

/** Which transaction a call belongs to: one to begin with it, or one that is under way. */
export type TransactionSelector = {
  readonly begin?: TransactionOptions;
  readonly id?: TransactionId;
  readonly singleUse?: TransactionOptions;
};

export interface TransactionOptions {
  readonly readWrite?: Record<string, never>;
  readonly readOnly?: { readonly strong: true };
}

/** A piece of a result: rows may be cut anywhere, even within a value. */
export interface ResultPart {
  readonly metadata?: {
    readonly rowType?: {
      readonly fields?: readonly { readonly name?: string | null }[] | null;
    } | null;
    readonly transaction?: { readonly id?: Uint8Array | null } | null;
  } | null;
  readonly values?: readonly WireValue[] | null;
  readonly chunkedValue?: boolean | null;
  readonly resumeToken?: Uint8Array | null;
}

export interface ReadCall {
  readonly session: string;
  readonly transaction: TransactionSelector;
  /** Goes on behind this part of the same call. */
  readonly resumeToken?: Uint8Array;
}

export interface SqlRead {
  readonly sql: string;
  readonly params: Readonly<Record<string, WireValue>>;
  readonly paramTypes: Readonly<Record<string, unknown>>;
}

/** A read beside SQL: some columns of the rows of some keys, in the order of the table or index. */
export interface KeyRead {
  readonly table: string;
  readonly index?: string;
  readonly columns: readonly string[];
  readonly keySet: {
    readonly keys?: readonly KeyValues[];
    readonly ranges?: readonly KeyRangeValues[];
  };
  /** 0, or none: all. */
  readonly limit?: number;
}

interface KeyValues {
  readonly values: readonly WireValue[];
}

export interface KeyRangeValues {
  readonly startClosed?: KeyValues;
  readonly startOpen?: KeyValues;
  readonly endClosed: KeyValues;
}

export interface Mutation {
  readonly insert?: MutationRows;
  readonly update?: MutationRows;
  readonly insertOrUpdate?: MutationRows;
  readonly delete?: {
    readonly table: string;
    readonly keySet: { readonly keys: readonly { readonly values: readonly WireValue[] }[] };
  };
}

export interface MutationRows {
  readonly table: string;
  readonly columns: readonly string[];
  readonly values: readonly { readonly values: readonly WireValue[] }[];
}

export interface CommitCall {
  readonly session: string;
  readonly transactionId: TransactionId;
  readonly mutations: readonly Mutation[];
}

/** So that whoever cannot be reached is known within ten seconds. */
export const CONNECT_TIMEOUT_MS = 6_000;
const CALL_TIMEOUT_MS = 30_000;
/** Ample for a full commit; a connection that broke shows itself before. */
const COMMIT_TIMEOUT_MS = 300_000;
const STREAM_TIMEOUT_MS = 3_600_000;

/** One database of Spanner. */
export class SpannerClient {
  readonly #calls: SpannerCalls;
  readonly #databasePath: string;
  readonly #limitMs: number;

  constructor(calls: SpannerCalls, databasePath: string, limitMs = Number.POSITIVE_INFINITY) {
    this.#calls = calls;
    this.#databasePath = databasePath;
    this.#limitMs = limitMs;
  }

  /** The same one, none of whose calls takes longer. */
  limitedTo(limitMs: number): SpannerClient {
    return new SpannerClient(this.#calls, this.#databasePath, limitMs);
  }

  async createSession(): Promise<string> {
    const request = { database: this.#databasePath };
    try {
      const session = await this.#call('createSession', request, CONNECT_TIMEOUT_MS);
      return (session as { readonly name: string }).name;
    } catch (cause) {
      throw this.#cannotOpen(toError(cause));
    }
  }

  async deleteSession(name: string): Promise<void> {
    await this.#call('deleteSession', { name }, CONNECT_TIMEOUT_MS);
  }

  async begin(session: string, options: TransactionOptions): Promise<TransactionId> {
    const request = { session, options };
    const transaction = await this.#call('beginTransaction', request, CALL_TIMEOUT_MS);
    return toBytes((transaction as { readonly id: Uint8Array }).id);
  }

  /** Commits; throws what the library throws, which tells more than our codes do. */
  async commit(call: CommitCall): Promise<void> {
    await this.#calls.unary('commit', call, this.#options(COMMIT_TIMEOUT_MS));
  }

  async rollback(session: string, transactionId: TransactionId): Promise<void> {
    await this.#call('rollback', { session, transactionId }, CONNECT_TIMEOUT_MS);
  }

  execute(call: ReadCall, { sql, params, paramTypes }: SqlRead): AsyncIterable<ResultPart> {
    return this.#stream('executeStreamingSql', {
      ...call,
      sql,
      params: { fields: params },
      paramTypes,
    });
  }

  read(call: ReadCall, read: KeyRead): AsyncIterable<ResultPart> {
    return this.#stream('streamingRead', { ...call, ...read });
  }

  /** Whoever configured the database should see which one it is. */
  #cannotOpen(cause: Error): Error {
    if (!(cause instanceof CodedError)) return cause;
    const message = `cannot open ${this.#databasePath} of Cloud Spanner: ${cause.message}`;
    // Not the error itself as the cause: whether the call may have landed is read off gRPC's own.
    return new CodedError(cause.code, message, { cause: cause.cause });
  }

  #call(method: string, request: object, timeoutMs: number): Promise<unknown> {
    return this.#calls.unary(method, request, this.#options(timeoutMs)).catch((thrown: unknown) => {
      throw toStorageError(thrown);
    });
  }

  async *#stream(method: string, request: object): AsyncGenerator<ResultPart, void, void> {
    let stream: CallStream | undefined;
    try {
      stream = await this.#calls.stream(method, request, this.#options(STREAM_TIMEOUT_MS));
      for await (const part of stream) yield part as ResultPart;
      stream = undefined;
    } catch (error) {
      stream = undefined;
      throw toStorageError(error);
    } finally {
      stream?.cancel(); // left early
    }
  }

  #options(timeoutMs: number): CallOptions {
    const limitedMs = Math.min(timeoutMs, this.#limitMs);
    return {
      timeoutMs: limitedMs,
      headers: { 'google-cloud-resource-prefix': this.#databasePath },
    };
  }
}

function toBytes(id: Uint8Array): Uint8Array {
  if (id.length === 0) throw new Error('Spanner began a transaction without an id');
  return id;
}
