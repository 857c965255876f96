/** Pages of results and exonerations: page tokens and field masks. */
import type { TestResult as TestResultMessage } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { TestResultSchema } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { parseInvocationId } from '../../invocations/id.ts';
import type { Page, Position } from '../../results/page.ts';
import type { OptionalProperty } from '../../results/test-results.ts';
import { inField } from '../shared/field.ts';
import type { PageTokens } from '../shared/page.ts';
import { applyReadMask, parseReadMask, type ReadMask } from '../shared/read-mask.ts';

const POSITION_PARTS = 3;

/** Returns the position before the page. Throws `invalid-argument` for a token of another request. */
export function pageStart(tokens: PageTokens): Position | undefined {
  const [invocation, testId, itemId] = tokens.position(POSITION_PARTS) ?? [];
  if (invocation === undefined || testId === undefined || itemId === undefined) return undefined;
  const invocationId = inField('page_token', () => parseInvocationId(invocation));
  return { invocationId, testId, itemId };
}

export function nextPageToken(tokens: PageTokens, { next }: Page<unknown>): string {
  return next === undefined ? '' : tokens.next([next.invocationId, next.testId, next.itemId]);
}

/** The fields that lists contain by default: all but the long ones. */
const DEFAULT_FIELDS = TestResultSchema.fields
  .map(({ name }) => name)
  .filter((name) => !['summary_html', 'tags', 'test_metadata', 'properties'].includes(name));

/** The mask always keeps the name. Throws `invalid-argument` if a field does not exist. */
export function resultMask(readMask: { readonly paths: readonly string[] } | undefined) {
  const paths =
    readMask === undefined || readMask.paths.length === 0 ? DEFAULT_FIELDS : readMask.paths;
  return inField('read_mask', () => parseReadMask(TestResultSchema, ['name', ...paths]));
}

export function maskResult(result: TestResultMessage, mask: ReadMask | 'all'): TestResultMessage {
  return applyReadMask(TestResultSchema, result, mask);
}

/** The columns that need not be read if none of these fields is wanted. */
const OPTIONAL: Readonly<Record<OptionalProperty, readonly string[]>> = {
  summaryHtml: ['summary_html'],
  tags: ['tags'],
  testLocation: ['test_location'],
  testMetadata: ['test_metadata'],
  failureReason: ['failure_reason'],
  details: ['status_v2', 'skip_reason', 'skipped_reason', 'framework_extensions', 'properties'],
};

/** Returns what need not be read from the database, as the mask clears it anyway. */
export function omittedBy(mask: ReadMask | 'all'): ReadonlySet<OptionalProperty> {
  if (mask === 'all') return new Set();
  const properties = Object.keys(OPTIONAL) as OptionalProperty[];
  return new Set(properties.filter((each) => !OPTIONAL[each].some((field) => mask.has(field))));
}
