/**
 * Lists the invocations of a realm for people: the newest first, or the ACTIVE ones in the order in
 * which the server will end them, the overdue first. Each order is that of an index, and a page
 * looks at a bounded number of rows, however many there are. All other conditions are compared row
 * by row: there is no index on states, since such an index makes unrelated transactions conflict
 * (src/migrations/postgres/0001_invocations.sql).
 */
import type { EpochMs } from '@postlude/queue/foundations';
import {
  int,
  join,
  nullable,
  type Reader,
  type RowOf,
  raw,
  type Sql,
  selectList,
  shardsOf,
  sql,
  text,
  textArray,
  timestamp,
} from '@postlude/queue/storage';
import { fromRowId, type InvocationId, toRowId } from './id.ts';
import { activeUntil, type Invocation, type InvocationOutline } from './invocation.ts';
import { readOutlines } from './invocations.ts';
import { type InvocationState, STATE_NUMBERS } from './state.ts';
import { formatPair, parsePair, type StringPair } from './string-pair.ts';
import { invocations } from './table.ts';

export interface RealmListing {
  readonly realm: string;
  readonly state?: InvocationState | undefined;
  /** Selects only ACTIVE invocations whose time is over by then. */
  readonly overdueAt?: EpochMs | undefined;
  /** Selects invocations that have all these tags. */
  readonly tags?: readonly StringPair[];
  readonly createdFrom?: EpochMs | undefined;
  readonly createdUntil?: EpochMs | undefined;
  /** The position at which the previous page ended. */
  readonly after?: ListPosition | undefined;
  readonly limit: number;
}

/** A position in the order of the list. */
export interface ListPosition {
  readonly time: EpochMs;
  readonly id: InvocationId;
}

export interface RealmPage {
  /**
   * There may be fewer than the limit although more follow, if most did not match, or if they have
   * long tags.
   */
  readonly invocations: readonly ListedInvocation[];
  /** The position after which the next page starts; `undefined` at the end. */
  readonly next: ListPosition | undefined;
}

export type ListedInvocation = InvocationOutline & Pick<Invocation, 'tags'>;

/** Bounds the time of a page that finds little. */
const MAX_LOOKED_AT = 10_000;
/** Enough rows for a query to be worth its round trip if few of them match. */
const MIN_QUERY_ROWS = 200;
/** Bounds what one query holds, as each row may have long tags. */
const MAX_QUERY_ROWS = 250;
/** Bounds the listed invocations of a page together; a single one is never longer. */
const MAX_PAGE_BYTES = 3_500_000;
/** At least as many bytes as an invocation has in a response, without its tags. */
const OUTLINE_BYTES = 3_000;
/** The headers of a tag and of its key and value. */
const TAG_BYTES = 8;
/** The least number of rows that one of many shards returns. */
const MIN_SHARD_ROWS = 20;

const columns = {
  invocationId: text,
  state: int,
  realm: text,
  createTime: timestamp,
  deadline: timestamp,
  endsAt: nullable(timestamp),
  tags: textArray,
};

type Candidate = RowOf<typeof columns>;

interface Order {
  readonly index: string;
  readonly time: 'create_time' | 'active_deadline';
  readonly direction: 'ASC' | 'DESC';
  timeOf(row: Candidate): EpochMs;
}

const NEWEST_FIRST: Order = {
  index: 'invocations_by_realm',
  time: 'create_time',
  direction: 'DESC',
  timeOf: ({ createTime }) => createTime,
};

const FIRST_TO_END: Order = {
  index: 'invocations_by_active_deadline',
  time: 'active_deadline',
  direction: 'ASC',
  timeOf: activeUntil,
};

/** Reads a page of the invocations of a realm. */
export async function listRealm(reader: Reader, listing: RealmListing): Promise<RealmPage> {
  const order =
    listing.state === 'ACTIVE' || listing.overdueAt !== undefined ? FIRST_TO_END : NEWEST_FIRST;
  const found: Candidate[] = [];
  let bytes = 0;
  let after = listing.after;
  for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT; ) {
    const wanted = Math.max(listing.limit - found.length, MIN_QUERY_ROWS);
    const rows = Math.min(wanted, MAX_QUERY_ROWS);
    const { candidates, isEnd } = await readCandidates(reader, { ...listing, order, after, rows });
    for (const row of candidates) {
      const isMatch = matches(row, listing);
      if (isMatch) bytes += bytesOf(row);
      if (bytes > MAX_PAGE_BYTES) return pageOf(reader, found, after);
      after = positionOf(row, order);
      if (isMatch && found.push(row) === listing.limit) return pageOf(reader, found, after);
    }
    if (isEnd) return pageOf(reader, found, undefined);
    lookedAt += candidates.length;
  }
  return pageOf(reader, found, after);
}

async function pageOf(
  reader: Reader,
  rows: readonly Candidate[],
  next: ListPosition | undefined,
): Promise<RealmPage> {
  const ids = rows.map(({ invocationId }) => fromRowId(invocationId));
  const read = await readOutlines(reader, ids);
  const invocations = rows.flatMap(({ invocationId, tags }) => {
    const outline = read.get(fromRowId(invocationId));
    return outline === undefined ? [] : [{ ...outline, tags: tags.map(parsePair) }];
  });
  return { invocations, next };
}

function bytesOf({ tags }: Candidate): number {
  const text = tags.reduce((sum, tag) => sum + Buffer.byteLength(tag) + TAG_BYTES, 0);
  return OUTLINE_BYTES + text;
}

interface CandidateQuery extends RealmListing {
  readonly order: Order;
  readonly rows: number;
}

/**
 * Reads some of the rows after `after`, in order and without gaps: at least one, except at the end.
 */
async function readCandidates(
  reader: Reader,
  query: CandidateQuery,
): Promise<{ readonly candidates: readonly Candidate[]; readonly isEnd: boolean }> {
  const shards = shardsOf(reader.dialect);
  const limit = Math.max(Math.ceil((2 * query.rows) / shards.length), MIN_SHARD_ROWS);
  const parts: (readonly Candidate[])[] = [];
  for (const shard of shards) {
    parts.push(await reader.query(sqlOf(reader, query, { shard, limit }), columns));
  }
  const compare = comparatorOf(query.order);
  // After the last row of a shard that has more rows, others of that shard may be missing.
  const lasts = parts.flatMap((part) => (part.length < limit ? [] : (part.at(-1) ?? [])));
  const [frontier] = lasts.sort(compare);
  const candidates = parts
    .flat()
    .filter((row) => frontier === undefined || compare(row, frontier) <= 0)
    .sort(compare);
  return { candidates, isEnd: frontier === undefined };
}

function sqlOf(
  { dialect }: Reader,
  { after, createdFrom, createdUntil, order, overdueAt, realm }: CandidateQuery,
  { shard, limit }: { readonly shard: Sql | undefined; readonly limit: number },
): Sql {
  const time = raw(order.time);
  const direction = raw(order.direction);
  const conditions: Sql[] = shard === undefined ? [] : [shard];
  if (order === NEWEST_FIRST) {
    conditions.push(sql`realm = ${realm}`);
    if (createdFrom !== undefined) conditions.push(sql`create_time >= ${timestamp(createdFrom)}`);
    if (createdUntil !== undefined) conditions.push(sql`create_time < ${timestamp(createdUntil)}`);
  } else {
    conditions.push(raw('active_deadline IS NOT NULL'));
    if (overdueAt !== undefined) conditions.push(sql`active_deadline <= ${timestamp(overdueAt)}`);
  }
  if (after !== undefined) {
    const key = [time, raw('invocation_id')];
    const position = [timestamp(after.time), text(toRowId(after.id))];
    const isBeyond = order === NEWEST_FIRST ? dialect.isBeforeKey : dialect.isAfterKey;
    conditions.push(isBeyond(key, position));
  }
  return sql`SELECT ${selectList(columns)} FROM ${invocations}${dialect.useIndex(order.index)}
    WHERE ${join(conditions, ' AND ')}
    ORDER BY ${time} ${direction}, invocation_id ${direction} LIMIT ${limit}`;
}

function matches(
  row: Candidate,
  { createdFrom, createdUntil, realm, state, tags = [] }: RealmListing,
): boolean {
  return (
    row.realm === realm &&
    (state === undefined || row.state === STATE_NUMBERS[state]) &&
    (createdFrom === undefined || row.createTime >= createdFrom) &&
    (createdUntil === undefined || row.createTime < createdUntil) &&
    tags.every((tag) => row.tags.includes(formatPair(tag)))
  );
}

function positionOf(row: Candidate, order: Order): ListPosition {
  return { time: order.timeOf(row), id: fromRowId(row.invocationId) };
}

/** Row ids are ASCII, so all databases and this code sort them in the same order. */
function comparatorOf({ direction, timeOf }: Order): (a: Candidate, b: Candidate) => number {
  const sign = direction === 'ASC' ? 1 : -1;
  return (a, b) => {
    const byTime = timeOf(a) - timeOf(b);
    if (byTime !== 0) return sign * byTime;
    return a.invocationId < b.invocationId ? -sign : sign * Number(a.invocationId > b.invocationId);
  };
}
