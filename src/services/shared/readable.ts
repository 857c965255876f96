/** Checks permissions on the invocations that a request names. */
import { CodedError } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { InvocationId } from '../../invocations/id.ts';
import type { InvocationOutline } from '../../invocations/invocation.ts';
import { readOutlines } from '../../invocations/invocations.ts';
import type { CallContext } from './call-context.ts';
import { type Authorizer, type Permission, requirePermission } from './permissions.ts';

/**
 * Returns each invocation once. Throws `not-found` unless all of them exist, then `permission-denied`
 * unless the caller has the permission in the realm of each. The check comes before the transaction that
 * relies on it: if an owner changes the realm meanwhile, the call counts as having come before that.
 */
export async function requireInRealms(
  { authorizer, db }: { readonly authorizer: Authorizer; readonly db: Database },
  { caller, signal }: Pick<CallContext, 'caller' | 'signal'>,
  { ids, permission }: { readonly permission: Permission; readonly ids: readonly InvocationId[] },
): Promise<readonly InvocationOutline[]> {
  if (ids.length === 0) return [];
  const found = await db.read((tx) => readOutlines(tx, new Set(ids)), { signal });
  const missing = ids.find((id) => !found.has(id));
  if (missing !== undefined) {
    throw new CodedError('not-found', `invocations/${missing} does not exist`);
  }
  const invocations = [...found.values()];
  const realms = new Set(invocations.map(({ realm }) => realm));
  for (const realm of realms) await requirePermission(authorizer, caller, { permission, realm });
  return invocations;
}
