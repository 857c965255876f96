/**
 * The calls of Spanner's API that the backend makes, each tried once: what to try again, and when,
 * is decided by whoever makes the call. The client library is loaded only here.
 */
import { createRequire } from 'node:module';
import type { protos, v1 } from '@google-cloud/spanner';
import type { DatabaseName } from './database-name.ts';
import { toStorageError } from './errors.ts';
import type { WireValue } from './types.ts';

type Api = typeof protos.google.spanner.v1;
type ExecuteRequest = InstanceType<Api['ExecuteSqlRequest']>;

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
    readonly transaction?: { readonly id?: Uint8Array | string | null } | null;
  } | null;
  readonly values?: readonly WireValue[] | null;
  readonly chunkedValue?: boolean | null;
  readonly resumeToken?: Uint8Array | string | null;
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

export interface KeyRead {
  readonly table: string;
  readonly columns: readonly string[];
  readonly keys: readonly (readonly WireValue[])[];
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

const CONNECT_TIMEOUT_MS = 10_000;
const CALL_TIMEOUT_MS = 30_000;
const STREAM_TIMEOUT_MS = 3_600_000;

/** One database of Spanner. */
export class SpannerClient {
  readonly #data: v1.SpannerClient;
  readonly #database: DatabaseName;

  constructor(data: v1.SpannerClient, database: DatabaseName) {
    this.#data = data;
    this.#database = database;
  }

  async createSession(): Promise<string> {
    const request = { database: this.#database.path };
    const [{ name }] = await this.#data
      .createSession(request, this.#options(CONNECT_TIMEOUT_MS))
      .catch(rethrow);
    if (!name) throw new Error('Spanner made a session without a name');
    return name;
  }

  async deleteSession(name: string): Promise<void> {
    await this.#data.deleteSession({ name }, this.#options(CONNECT_TIMEOUT_MS)).catch(rethrow);
  }

  async begin(session: string, options: TransactionOptions): Promise<TransactionId> {
    const [transaction] = await this.#data
      .beginTransaction({ session, options }, this.#options(CALL_TIMEOUT_MS))
      .catch(rethrow);
    return toBytes(transaction.id);
  }

  /** Commits; throws what the library throws, which tells more than our codes do. */
  async commit(call: CommitCall): Promise<void> {
    await this.#data.commit(call as object, this.#options(CALL_TIMEOUT_MS));
  }

  async rollback(session: string, transactionId: TransactionId): Promise<void> {
    const request = { session, transactionId };
    await this.#data.rollback(request, this.#options(CONNECT_TIMEOUT_MS)).catch(rethrow);
  }

  execute(call: ReadCall, { sql, params, paramTypes }: SqlRead): AsyncIterable<ResultPart> {
    const request = { ...call, sql, params: { fields: params }, paramTypes };
    return this.#stream((options) =>
      this.#data.executeStreamingSql(request as unknown as ExecuteRequest, options),
    );
  }

  readKeys(call: ReadCall, { table, columns, keys }: KeyRead): AsyncIterable<ResultPart> {
    const keySet = { keys: keys.map((values) => ({ values })) };
    const request = { ...call, table, columns, keySet };
    return this.#stream((options) => this.#data.streamingRead(request as object, options));
  }

  async close(): Promise<void> {
    await this.#data.close();
  }

  async *#stream(
    open: (options: object) => AsyncIterable<unknown> & { cancel(): void },
  ): AsyncGenerator<ResultPart, void, void> {
    const stream = open(this.#options(STREAM_TIMEOUT_MS));
    let isOpen = true;
    try {
      for await (const part of stream) yield part as ResultPart;
      isOpen = false;
    } catch (error) {
      isOpen = false;
      throw toStorageError(error);
    } finally {
      if (isOpen) stream.cancel();
    }
  }

  #options(timeout: number): object {
    const headers = { 'google-cloud-resource-prefix': this.#database.path };
    return { timeout, retry: null, otherArgs: { headers } };
  }
}

/** Where and how to reach Spanner. */
export interface Endpoint {
  /** `host:port` of an emulator, which is spoken to in the clear and without credentials. */
  readonly emulatorHost?: string;
}

export interface SpannerLibrary {
  readonly data: v1.SpannerClient;
  readonly admin: v1.DatabaseAdminClient;
}

/** Throws an error that names the package to install where the library is missing. */
export async function openLibrary(
  database: DatabaseName,
  endpoint: Endpoint,
): Promise<SpannerLibrary> {
  const { v1: api } = await loadLibrary();
  const options = { projectId: database.project, ...endpointOptions(endpoint) };
  return { data: new api.SpannerClient(options), admin: new api.DatabaseAdminClient(options) };
}

export function endpointOptions({ emulatorHost }: Endpoint): object {
  if (emulatorHost === undefined) return {};
  const match = /^(.+):(\d{1,5})$/.exec(emulatorHost);
  if (!match) throw new Error(`the emulator's address must be host:port, not ${emulatorHost}`);
  return { servicePath: match[1], port: Number(match[2]), sslCreds: insecureCredentials() };
}

async function loadLibrary(): Promise<typeof import('@google-cloud/spanner')> {
  try {
    return await import('@google-cloud/spanner');
  } catch (cause) {
    throw new Error('Cloud Spanner needs its client library: npm install @google-cloud/spanner', {
      cause,
    });
  }
}

/** Of the gRPC that the library itself uses: another copy's would not be known to it. */
function insecureCredentials(): unknown {
  const library = createRequire(import.meta.url).resolve('@google-cloud/spanner');
  const { grpc } = createRequire(library)('google-gax') as {
    grpc: { credentials: { createInsecure(): unknown } };
  };
  return grpc.credentials.createInsecure();
}

export function toBytes(id: Uint8Array | string | null | undefined): Uint8Array {
  if (id === undefined || id === null || id.length === 0) {
    throw new Error('Spanner began a transaction without an id');
  }
  return typeof id === 'string' ? Buffer.from(id, 'base64') : id;
}

function rethrow(thrown: unknown): never {
  throw toStorageError(thrown);
}
