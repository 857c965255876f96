/** The checks that all batches share: the size, and one invocation and one request id for all requests. */
import { MAX_BATCH_REQUESTS } from '../../results/limits.ts';
import { inEach, inField, invalid, requireAtMost } from '../shared/field.ts';

// NUL is ASCII too, but no database stores it in a text.
// biome-ignore lint/suspicious/noControlCharactersInRegex: any ASCII but NUL is allowed
const REQUEST_ID_PATTERN = /^[\x01-\x7f]{0,36}$/;

export function checkRequestId(requestId: string): string {
  if (REQUEST_ID_PATTERN.test(requestId)) return requestId;
  throw invalid(`request_id: does not match ^[[:ascii:]]{0,36}$`);
}

export function requireBatchSize(requests: readonly unknown[]): void {
  inField('requests', () => requireAtMost(requests, MAX_BATCH_REQUESTS, 'requests in a batch'));
}

interface BatchItem {
  readonly requestId: string;
}

interface Batch<T extends BatchItem> extends BatchItem {
  readonly requests: readonly T[];
}

/** Checks the batch, then each request with `check`. Errors name the index of the request. */
export function checkBatch<T extends BatchItem, R>(
  batch: Batch<T>,
  check: (request: T, index: number) => R,
): R[] {
  checkRequestId(batch.requestId);
  requireBatchSize(batch.requests);
  return inEach('requests', batch.requests, (request, index) => {
    requireSame('request_id', request.requestId, batch.requestId);
    return check(request, index);
  });
}

/** An inner request may omit a field that the batch sets, but must not contradict it. */
export function requireSame(field: string, inner: string, outer: string): void {
  if (inner === '' || inner === outer) return;
  throw invalid(`${field}: must be empty or ${JSON.stringify(outer)}, as in the batch`);
}

/** Throws `invalid-argument` if two items have the same key. */
export function requireDistinct<T>(items: readonly T[], keyOf: (item: T) => string): void {
  const places = new Map<string, number>();
  items.forEach((item, index) => {
    const key = keyOf(item);
    const first = places.get(key);
    if (first !== undefined)
      throw invalid(`requests[${index}]: the same as requests[${first}]: ${key}`);
    places.set(key, index);
  });
}
