/**
 * Reads within one transaction of a session. The first call also begins the transaction; calls that are made
 * meanwhile wait for its id.
 */
import type { Columns, RowOf } from '../../column.ts';
import type { KeyRange, Reader } from '../../database.ts';
import { compile, type Sql } from '../../sql.ts';
import type { AnyTable, Key, KeyOrder } from '../../table.ts';
import type {
  KeyRead,
  ReadCall,
  ResultPart,
  SpannerClient,
  SqlRead,
  TransactionId,
  TransactionOptions,
  TransactionSelector,
} from '../calls/client.ts';
import { spannerDialect } from '../dialect.ts';
import { encodeValue, typeOf } from '../types.ts';
import { toKeyRead, toRangeRead } from './key-reads.ts';
import { RowAssembler } from './result-rows.ts';
import { type ResumeConfig, resume } from './resume.ts';

export interface ReaderConfig {
  readonly client: SpannerClient;
  readonly session: string;
  readonly options: TransactionOptions;
  /** Only reads of a snapshot can resume. Others hold locks, which they lose if a read breaks off. */
  readonly resume?: ResumeConfig;
}

type OpenRead = (call: Pick<ReadCall, 'transaction' | 'resumeToken'>) => AsyncIterable<ResultPart>;

export interface Failure {
  readonly error: unknown;
}

export class SpannerReader implements Reader {
  readonly dialect = spannerDialect;
  readonly #config: ReaderConfig;
  #begun: PromiseWithResolvers<TransactionId> | undefined;
  #id: TransactionId | undefined;
  #failure: Failure | undefined;

  constructor(config: ReaderConfig) {
    this.#config = config;
  }

  async query<C extends Columns>(query: Sql, columns: C): Promise<RowOf<C>[]> {
    return await Array.fromAsync(this.stream(query, columns));
  }

  async *stream<C extends Columns>(query: Sql, columns: C): AsyncGenerator<RowOf<C>, void, void> {
    const read = this.#guarded(() => toSqlRead(query));
    const { client, session } = this.#config;
    yield* this.#rows((call) => client.execute({ session, ...call }, read), columns);
  }

  /** A read in a read-write transaction locks the rows that it read and the keys that it found missing. */
  async readKeys<T extends AnyTable, C extends Columns>(
    table: T,
    keys: readonly Key<T>[],
    columns: C,
  ): Promise<RowOf<C>[]> {
    if (keys.length === 0) return [];
    return await this.#read(() => toKeyRead(table, keys, columns), columns);
  }

  async readRange<C extends Columns>(
    order: KeyOrder,
    range: KeyRange,
    columns: C,
  ): Promise<RowOf<C>[]> {
    if (range.first.length === 0) return [];
    return await this.#read(() => toRangeRead(order, range, columns), columns);
  }

  /** The first call that failed. It ends the transaction, even if its error was swallowed. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** `undefined` until something has been read. */
  get transactionId(): TransactionId | undefined {
    return this.#id;
  }

  async #read<C extends Columns>(toRead: () => KeyRead, columns: C): Promise<RowOf<C>[]> {
    const read = this.#guarded(toRead);
    const { client, session } = this.#config;
    const rows = this.#rows((call) => client.read({ session, ...call }, read), columns);
    return await Array.fromAsync(rows);
  }

  async *#rows<C extends Columns>(
    open: OpenRead,
    columns: C,
  ): AsyncGenerator<RowOf<C>, void, void> {
    const transaction = await this.#selector();
    const assembler = new RowAssembler(columns);
    const parts = this.#parts(open, transaction)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const part = await parts.next().catch((error: unknown) => this.#fail(error));
        if (part.done) return;
        this.#learnId(part.value);
        yield* this.#guarded(() => assembler.add(part.value));
      }
    } finally {
      await parts.return?.();
    }
  }

  #parts(open: OpenRead, first: TransactionSelector): AsyncIterable<ResultPart> {
    const { resume: config } = this.#config;
    if (!config) return open({ transaction: first });
    return resume((resumeToken) => {
      const transaction = this.#id ? { id: this.#id } : first;
      return open({ transaction, ...(resumeToken ? { resumeToken } : {}) });
    }, config);
  }

  async #selector(): Promise<TransactionSelector> {
    if (this.#failure) throw this.#failure.error;
    if (this.#begun) return { id: this.#id ?? (await this.#begun.promise) };
    this.#begun = Promise.withResolvers();
    this.#begun.promise.catch(() => undefined); // no other call may be waiting for it
    return { begin: this.#config.options };
  }

  #learnId(part: ResultPart): void {
    const id = part.metadata?.transaction?.id;
    if (this.#id || !id || id.length === 0) return;
    this.#id = id;
    this.#begun?.resolve(id);
  }

  #guarded<T>(fn: () => T): T {
    try {
      return fn();
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): never {
    this.#failure ??= { error };
    this.#begun?.reject(error);
    throw error;
  }
}

function toSqlRead(query: Sql): SqlRead {
  const { text, params } = compile(query, {
    placeholder: (position) => `@p${position}`,
    tableName: (name) => name,
  });
  const named = params.map((param, index) => [`p${index + 1}`, param] as const);
  return {
    sql: text,
    params: Object.fromEntries(
      named.map(([name, { kind, value }]) => [name, encodeValue(kind, value)]),
    ),
    paramTypes: Object.fromEntries(named.map(([name, { kind }]) => [name, typeOf(kind)])),
  };
}
