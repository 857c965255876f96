/**
 * Pages of a list. A page token is opaque to clients. It holds the start of the next page, and is
 * accepted only with a request that is otherwise the same; the page size may differ.
 */
import { createHash } from 'node:crypto';
import { type DescMessage, type MessageShape, toBinary, toJson } from '@bufbuild/protobuf';
import { CodedError, toError } from '@postlude/queue/foundations';
import { MAX_PAGE_BYTES } from '../../results/page.ts';
import { inField, invalid } from './field.ts';

export interface PageLimits {
  readonly defaultSize: number;
  readonly maxSize: number;
}

/** These are the limits in ResultDB's code; the comments in its protos say 100 and 1,000. */
export const RESULT_PAGES: PageLimits = { defaultSize: 1000, maxSize: 10_000 };
export const TASK_PAGES: PageLimits = { defaultSize: 100, maxSize: 1000 };

/** The tag and the length of a message in a list. */
const HEADER_BYTES = 6;

/** Sizes above the limit are reduced to it. */
export function pageSize(requested: number, limits: PageLimits): number {
  if (requested < 0) throw invalid(`page_size: must not be negative: ${requested}`);
  return requested === 0 ? limits.defaultSize : Math.min(requested, limits.maxSize);
}

export interface PageCut<T, Desc extends DescMessage> {
  /** How many items were read at most. */
  readonly limit: number;
  readonly schema: Desc;
  toMessage(item: T): MessageShape<Desc>;
}

/** Returns the first of these items that fit into a response together: at least one. */
export function cutPage<T, Desc extends DescMessage>(
  items: readonly T[],
  { limit, schema, toMessage }: PageCut<T, Desc>,
): {
  readonly messages: MessageShape<Desc>[];
  /** The item after which the next page starts; `undefined` at the end. */
  readonly last: T | undefined;
} {
  const messages: MessageShape<Desc>[] = [];
  let bytes = 0;
  for (const item of items) {
    const message = toMessage(item);
    bytes += toBinary(schema, message).length + HEADER_BYTES;
    if (messages.length > 0 && bytes > MAX_PAGE_BYTES) break;
    messages.push(message);
  }
  const isEnd = messages.length === items.length && items.length < limit;
  return { messages, last: isEnd ? undefined : items[messages.length - 1] };
}

interface PagedRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

/** Makes and reads the page tokens of one request. */
export class PageTokens {
  readonly #scope: string;
  readonly #given: string;

  constructor(scope: string, given: string) {
    this.#scope = scope;
    this.#given = given;
  }

  /** Creates tokens that are valid for `request` and for the requests of its other pages. */
  static of<Desc extends DescMessage>(
    schema: Desc,
    request: MessageShape<Desc> & PagedRequest,
  ): PageTokens {
    const parameters = { ...request, pageSize: 0, pageToken: '' };
    const scope = schema.typeName + canonicalJson(jsonOf(schema, parameters));
    return new PageTokens(scope, request.pageToken);
  }

  /** Returns the position after which the requested page starts; `undefined` for the first page. */
  position(parts: number): readonly string[] | undefined {
    if (this.#given === '') return undefined;
    return inField('page_token', () => {
      const position = parsePosition(this.#given, this.#scope);
      if (position === undefined || position.length !== parts) {
        throw new CodedError('invalid-argument', 'not a token of this request');
      }
      return position;
    });
  }

  /** Returns the token of the page that starts after `position`. */
  next(position: readonly string[]): string {
    const body = JSON.stringify(position);
    return Buffer.from(digest(this.#scope, body) + body).toString('base64url');
  }
}

/** JSON has no form for some messages that come in binary, such as a field mask with a path in camel case. */
function jsonOf<Desc extends DescMessage>(schema: Desc, request: MessageShape<Desc>): unknown {
  try {
    return toJson(schema, request);
  } catch (cause) {
    const { message } = toError(cause);
    throw new CodedError('invalid-argument', `the request has no JSON form: ${message}`, { cause });
  }
}

const DIGEST_LENGTH = 32;

/** The digest has no key: it catches mistakes, and a forged position reveals nothing new. */
function digest(scope: string, body: string): string {
  const hash = createHash('sha256').update(`${scope.length}\n`).update(scope).update(body);
  return hash.digest('hex').slice(0, DIGEST_LENGTH);
}

function parsePosition(token: string, scope: string): string[] | undefined {
  const text = Buffer.from(token, 'base64url').toString();
  const body = text.slice(DIGEST_LENGTH);
  if (text.slice(0, DIGEST_LENGTH) !== digest(scope, body)) return undefined;
  try {
    const position: unknown = JSON.parse(body);
    return isListOfStrings(position) ? position : undefined;
  } catch {
    return undefined;
  }
}

function isListOfStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Sorts keys, since the order of a map's entries carries no meaning. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
