/** The checks that all queries over several invocations share. */
import type { Duration } from '@bufbuild/protobuf/wkt';
import { parseInvocationName } from '../../invocations/id.ts';
import type { InvocationOutline } from '../../invocations/invocation.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inEach, inField, invalid, requireAtMost } from '../shared/field.ts';
import type { Permission } from '../shared/permissions.ts';
import { requireInRealms } from '../shared/readable.ts';
import { fromDuration } from '../shared/timestamp.ts';
import type { ResultDbParts } from './parts.ts';

const MAX_INVOCATIONS = 10_000;
const MAX_STALENESS_MICROS = 30 * 60 * 1_000_000;

interface QueryRequest {
  readonly invocations: readonly string[];
  readonly maxStaleness?: Duration | undefined;
}

/**
 * Returns the invocations that a query names. The caller needs the permission on these only, since
 * including an invocation required a permission as well.
 */
export async function requireScope(
  parts: ResultDbParts,
  context: CallContext,
  { permission, request }: { readonly permission: Permission; readonly request: QueryRequest },
): Promise<readonly InvocationOutline[]> {
  const { invocations, maxStaleness } = request;
  if (invocations.length === 0) throw invalid('invocations: must name an invocation');
  inField('invocations', () => requireAtMost(invocations, MAX_INVOCATIONS, 'names'));
  const ids = inEach('invocations', invocations, parseInvocationName);
  if (maxStaleness !== undefined) inField('max_staleness', () => checkStaleness(maxStaleness));
  return await requireInRealms(parts, context, { permission, ids });
}

function checkStaleness(maxStaleness: Duration): void {
  const micros = fromDuration(maxStaleness);
  if (micros < 0 || micros > MAX_STALENESS_MICROS) throw invalid('must be from 0 to 30 minutes');
}
