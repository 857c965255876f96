/**
 * Pages of a list. A page token is opaque to clients: it holds where the next page starts, and
 * answers only a request that is the same apart from the page's size.
 */
import { createHash } from 'node:crypto';
import { type DescMessage, type MessageShape, toJson } from '@bufbuild/protobuf';
import { CodedError } from '../../errors.ts';
import { inField, invalid } from './field.ts';

export interface PageLimits {
  readonly defaultSize: number;
  readonly maxSize: number;
}

/** The reference's limits in code; its documentation of the messages says 100 and 1,000. */
export const RESULT_PAGES: PageLimits = { defaultSize: 1000, maxSize: 10_000 };
export const TASK_PAGES: PageLimits = { defaultSize: 100, maxSize: 1000 };

/** A larger size than the limit is taken for the limit. */
export function pageSize(requested: number, limits: PageLimits): number {
  if (requested < 0) throw invalid(`page_size: must not be negative: ${requested}`);
  return requested === 0 ? limits.defaultSize : Math.min(requested, limits.maxSize);
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

  /** The tokens that fit all requests that differ from `request` by page only. */
  static of<Desc extends DescMessage>(
    schema: Desc,
    request: MessageShape<Desc> & PagedRequest,
  ): PageTokens {
    const parameters = { ...request, pageSize: 0, pageToken: '' };
    return new PageTokens(
      schema.typeName + canonicalJson(toJson(schema, parameters)),
      request.pageToken,
    );
  }

  /** Where the requested page starts: behind this position; `undefined` for the first page. */
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

  /** The token of the page behind `position`. */
  next(position: readonly string[]): string {
    const body = JSON.stringify(position);
    return Buffer.from(digest(this.#scope, body) + body).toString('base64url');
  }
}

const DIGEST_LENGTH = 32;

/** No secret in it: it guards against mistakes, and a forged position shows nothing new. */
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

/** Maps come in any order, and mean the same. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
