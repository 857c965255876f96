/**
 * Pages of the items that many invocations recorded, in the order (row id of the invocation, test
 * id, item id). There may be any number of invocations: a page queries a few of them at a time, and
 * more the less they hold. Its cost is that of the rows it reads, whatever the size of the tables
 * or the graph. A page ends early if its items become large together, so memory is bounded however
 * large they are. If the filter takes long, the page takes turns with all else that the process
 * does, and ends early.
 *
 * Each query may see another snapshot, as the next page does: so a database that has one connection can
 * serve others between the queries of a page, and while its rows are filtered.
 */

import {
  emptySql,
  type Reader,
  raw,
  type Sql,
  sql,
  text,
  textArray,
} from '@postlude/queue/storage';
import { fromRowId, type InvocationId, type RowId, toRowId } from '../invocations/id.ts';
import type { Snapshots } from '../invocations/reachable.ts';
import { Pace } from './pace.ts';

/**
 * The position of an item in the order of pages; `itemId` is the id of a result, an exoneration or an
 * artifact. Of artifacts, `testId` is the id of their parent.
 */
export interface Position {
  readonly invocationId: InvocationId;
  readonly testId: string;
  readonly itemId: string;
}

export interface PageRequest {
  /** The row ids are in row order: see `toRowOrder`. */
  readonly rowIds: readonly RowId[];
  /** The position at which the previous page ended. */
  readonly after?: Position | undefined;
  readonly limit: number;
  /**
   * Bounds the bytes of the items together; a page has at least one. Unless given, a page fits into
   * a message that clients of gRPC accept by default.
   */
  readonly maxBytes?: number | undefined;
  /** Ends the page early, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface Page<T> {
  /**
   * There may be fewer than the limit although more follow, if they are large, if most were
   * filtered out, or if that took long.
   */
  readonly items: readonly T[];
  /** The position after which the next page starts; `undefined` at the end. */
  readonly next: Position | undefined;
}

export interface Source<T> {
  /** The column of a position's `testId`: `test_id` unless given. */
  readonly parentColumn?: 'test_id' | 'parent_id';
  readonly itemColumn: 'result_id' | 'exoneration_id' | 'artifact_id';
  /** The limit of the rows of one query. */
  readonly maxRows: number;
  /** Is called for each query. */
  rowsOf(reader: Reader): Rows<T>;
  positionOf(item: T): Position;
  readonly filter: Filter<T>;
}

/** The rows of one snapshot. */
export interface Rows<T> {
  /** The query up to FROM and the table. */
  readonly select: Sql;
  /** Narrows the query; it begins with ` AND `. */
  readonly condition?: Sql;
  /** Yields the items of a query in order, a bounded number of bytes at a time. */
  read(query: Sql): AsyncIterable<readonly Sized<T>[]>;
}

export interface Sized<T> {
  readonly item: T;
  /** At least as many bytes as the item has in a response. */
  readonly bytes: number;
}

export interface Filter<T> {
  matches(item: T): boolean;
  /** How much work all calls of `matches` have been together: see `TestIdPattern`. */
  readonly work: number;
}

const MAX_BATCH_IDS = 50;
/** Enough rows for a query to be worth its round trip if few of them match. */
const MIN_QUERY_ROWS = 200;
/** Bounds the time of a page whose filter lets little through. */
const MAX_SCANNED_ROWS = 50_000;
/** Bounds the time of a page whose filter takes long: it is half a second or two. */
const MAX_PAGE_WORK = 50_000_000;

/** Clients of gRPC accept 4 MiB by default. */
export const MAX_PAGE_BYTES = 4_000_000;

export async function readPage<T>(
  snapshots: Snapshots,
  request: PageRequest,
  source: Source<T>,
): Promise<Page<T>> {
  const { rowIds } = request;
  const page = new GrowingPage(request, source);
  let place = placeBehind(rowIds, request.after);
  let scanned = 0;
  let width = 1;
  while (place.index < rowIds.length && scanned < MAX_SCANNED_ROWS) {
    request.signal?.throwIfAborted();
    const batch = rowIds.slice(place.index, place.index + (place.after ? 1 : width));
    const query = { batch, after: place.after, rows: page.rowsWanted() };
    const { items, isDone } = await snapshots.read((reader) => readSome(reader, source, query), {
      signal: request.signal,
    });
    if ((await page.add(items)) === 'full') return page.end();
    scanned += items.length;
    place = isDone ? { index: place.index + batch.length } : placeBehind(rowIds, page.last);
    if (isDone) width = Math.min(width * 2, MAX_BATCH_IDS);
  }
  return place.index < rowIds.length ? page.end() : { items: page.items, next: undefined };
}

/** Returns the rows of a query; only the first of them, with `isDone` unset, if they fill a page. */
async function readSome<T>(reader: Reader, source: Source<T>, query: BatchQuery) {
  const rows = source.rowsOf(reader);
  const items: Sized<T>[] = [];
  let readBytes = 0;
  for await (const group of rows.read(queryOf(reader, { ...source, ...rows }, query))) {
    for (const sized of group) {
      items.push(sized);
      readBytes += sized.bytes;
    }
    if (readBytes >= MAX_PAGE_BYTES) return { items, isDone: false };
  }
  return { items, isDone: items.length < query.rows };
}

class GrowingPage<T> {
  readonly items: T[] = [];
  readonly #request: PageRequest;
  readonly #source: Source<T>;
  readonly #pace: Pace;
  readonly #maxBytes: number;
  /** The last item that was looked at. */
  #last: T | undefined;
  #bytes = 0;

  constructor(request: PageRequest, source: Source<T>) {
    this.#request = request;
    this.#source = source;
    this.#pace = new Pace(source.filter, request.signal);
    this.#maxBytes = request.maxBytes ?? MAX_PAGE_BYTES;
  }

  /** The position of the last item that was looked at. */
  get last(): Position | undefined {
    return this.#last === undefined ? undefined : this.#source.positionOf(this.#last);
  }

  /** How many rows the next query reads. */
  rowsWanted(): number {
    const wanted = Math.max(this.#request.limit - this.items.length, MIN_QUERY_ROWS);
    return Math.min(wanted, this.#source.maxRows);
  }

  /** Looks at items one by one, until the page is full. */
  async add(found: readonly Sized<T>[]): Promise<'full' | 'growing'> {
    const { filter } = this.#source;
    for (const { item, bytes } of found) {
      const isMatch = filter.matches(item);
      if (isMatch && this.items.length > 0 && this.#bytes + bytes > this.#maxBytes) return 'full';
      this.#last = item;
      if (isMatch) this.items.push(item);
      if (isMatch) this.#bytes += bytes;
      if (this.items.length >= this.#request.limit) return 'full';
      if (this.#pace.work > MAX_PAGE_WORK) return 'full';
      if (this.#pace.isSliceOver) await this.#pace.nextSlice();
    }
    return 'growing';
  }

  /** Ends the page although more may follow. */
  end(): Page<T> {
    return { items: this.items, next: this.last };
  }
}

interface Place {
  /** The index of an invocation in the list. */
  readonly index: number;
  /** An item of that invocation, after which the page begins; its first item unless given. */
  readonly after?: Position;
}

function placeBehind(rowIds: readonly RowId[], after: Position | undefined): Place {
  if (after === undefined) return { index: 0 };
  const rowId = toRowId(after.invocationId);
  const index = firstAtLeast(rowIds, rowId);
  return rowIds[index] === rowId ? { index, after } : { index };
}

function firstAtLeast(rowIds: readonly RowId[], rowId: RowId): number {
  let low = 0;
  let high = rowIds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rowIds[middle] ?? '') < rowId) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface BatchQuery {
  readonly batch: readonly RowId[];
  readonly after: Position | undefined;
  readonly rows: number;
}

type Selection = Pick<Source<unknown>, 'itemColumn' | 'parentColumn'> &
  Pick<Rows<unknown>, 'select' | 'condition'>;

function queryOf({ dialect }: Reader, source: Selection, { batch, after, rows }: BatchQuery): Sql {
  const [parent, item] = [raw(source.parentColumn ?? 'test_id'), raw(source.itemColumn)];
  // For one invocation it is an equality: with that, every planner reads the key's index in order.
  const [only] = batch;
  const batchCondition =
    batch.length === 1 && only !== undefined
      ? sql`invocation_id = ${only}`
      : dialect.isAnyOf(raw('invocation_id'), textArray(batch));
  const afterCondition = after
    ? sql` AND ${dialect.isAfterKey([parent, item], [text(after.testId), text(after.itemId)])}`
    : emptySql;
  return sql`${source.select} WHERE ${batchCondition}${afterCondition}${source.condition ?? emptySql}
    ORDER BY invocation_id, ${parent}, ${item} LIMIT ${rows}`;
}

/** Returns the position of a row from its key. */
export function positionOfRow(row: {
  readonly invocationId: string;
  readonly testId: string;
  readonly itemId: string;
}): Position {
  return { ...row, invocationId: fromRowId(row.invocationId) };
}

/** Yields all pages, one after the other, each from a read of its own. */
export async function* allPages<T>(
  request: PageRequest,
  readOne: (request: PageRequest) => Promise<Page<T>>,
): AsyncGenerator<readonly T[], void, void> {
  let after = request.after;
  do {
    const page = await readOne({ ...request, after });
    if (page.items.length > 0) yield page.items;
    after = page.next;
  } while (after !== undefined);
}
