/**
 * The calls of Spanner's API that the backend makes. Each is tried once; the caller decides whether and when
 * to try it again.
 */
import { CodedError, toError } from '../../../foundations/errors.ts';
import type { ReadOptions } from '../../database.ts';
import { toStorageError } from '../errors.ts';
import type { WireValue } from '../types.ts';
import type { CallOptions, CallStream, SpannerCalls } from './library.ts';

/** The bytes that identify a transaction. */
export type TransactionId = Uint8Array;

/** The transaction of a call: one that begins with the call, or one that is open. */
export type TransactionSelector = {
  readonly begin?: TransactionOptions;
  readonly id?: TransactionId;
  readonly singleUse?: TransactionOptions;
};

export interface TransactionOptions {
  readonly readWrite?: Record<string, never>;
  readonly readOnly?: { readonly strong: true };
}

/** A part of a result. It may end anywhere in a row, even within a value. */
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
  /** Continues the same call after the part with this token. */
  readonly resumeToken?: Uint8Array;
}

export interface SqlRead {
  readonly sql: string;
  readonly params: Readonly<Record<string, WireValue>>;
  readonly paramTypes: Readonly<Record<string, unknown>>;
}

/** A read without SQL: some columns of the rows with some keys, in the order of the table or index. */
export interface KeyRead {
  readonly table: string;
  readonly index?: string;
  readonly columns: readonly string[];
  readonly keySet: {
    readonly keys?: readonly KeyValues[];
    readonly ranges?: readonly KeyRangeValues[];
  };
  /** 0, or none, means all rows. */
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

/** Short, so that a server that cannot be reached is noticed within ten seconds. */
export const CONNECT_TIMEOUT_MS = 6_000;
const CALL_TIMEOUT_MS = 30_000;
/** Ample for a full commit. A broken connection is noticed before that. */
const COMMIT_TIMEOUT_MS = 300_000;
const STREAM_TIMEOUT_MS = 3_600_000;

/** Calls to one database of Spanner. */
export class SpannerClient {
  readonly #calls: SpannerCalls;
  readonly #databasePath: string;
  readonly #limitMs: number;
  readonly #signal: AbortSignal | undefined;

  constructor(calls: SpannerCalls, databasePath: string, { limitMs, signal }: ReadOptions = {}) {
    this.#calls = calls;
    this.#databasePath = databasePath;
    this.#limitMs = limitMs ?? Number.POSITIVE_INFINITY;
    this.#signal = signal;
  }

  /** Returns a client of the same database, with a limit for each call, and a signal that ends its reads. */
  within(options: ReadOptions): SpannerClient {
    return new SpannerClient(this.#calls, this.#databasePath, options);
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

  /** Commits. Throws the library's own error, which tells more than our codes do. */
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

  /** Adds the database's name, so that the operator sees which one it is. */
  #cannotOpen(cause: Error): Error {
    if (!(cause instanceof CodedError)) return cause;
    const message = `cannot open ${this.#databasePath} of Cloud Spanner: ${cause.message}`;
    // The cause must be gRPC's own error, from which `mayHaveLanded` is decided.
    return new CodedError(cause.code, message, { cause: cause.cause });
  }

  #call(method: string, request: object, timeoutMs: number): Promise<unknown> {
    return this.#calls.unary(method, request, this.#options(timeoutMs)).catch((thrown: unknown) => {
      throw toStorageError(thrown);
    });
  }

  async *#stream(method: string, request: object): AsyncGenerator<ResultPart, void, void> {
    const signal = this.#signal;
    let stream: CallStream | undefined;
    const cancel = (): void => stream?.cancel();
    try {
      signal?.throwIfAborted();
      stream = await this.#calls.stream(method, request, this.#options(STREAM_TIMEOUT_MS));
      signal?.addEventListener('abort', cancel, { once: true });
      signal?.throwIfAborted();
      for await (const part of stream) yield part as ResultPart;
      stream = undefined;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      stream = undefined;
      throw toStorageError(error);
    } finally {
      signal?.removeEventListener('abort', cancel);
      stream?.cancel(); // in case the reader left early
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
