/** Which permissions changes of an invocation need, besides its update token. */
import { CodedError } from '@postlude/queue/foundations';
import { decodeFields } from '../../invocations/fields/stored-fields.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField, invalid } from '../shared/field.ts';
import { type Authorizer, requirePermission, rootRealm } from '../shared/permissions.ts';
import type { CheckedFields } from './fields/checked-fields.ts';

interface Update {
  readonly stored: Invocation;
  readonly fields: CheckedFields;
}

/**
 * Returns the fields that may be changed: a baseline without its permission is left out, since ResultDB's
 * clients set one for every run. Throws `permission-denied`.
 */
export async function authorizeUpdate(
  { authorizer }: { readonly authorizer: Authorizer },
  { caller }: CallContext,
  { fields, stored }: Update,
): Promise<CheckedFields> {
  const { bigqueryExports, realm = stored.realm } = fields;
  if (realm !== stored.realm) {
    requireSameProject(stored, realm);
    for (const right of ['create', 'include'] as const) {
      const permission = `resultdb.invocations.${right}` as const;
      await requirePermission(authorizer, caller, { permission, realm });
    }
  }
  if (bigqueryExports && !isEqual(bigqueryExports, stored.bigqueryExports)) {
    await requirePermission(authorizer, caller, {
      permission: 'resultdb.invocations.exportToBigQuery',
      realm: rootRealm(realm),
    });
  }
  if (await mayPutBaseline(authorizer, caller, { baselineId: fields.baselineId, realm })) {
    return fields;
  }
  return { ...fields, baselineId: '' };
}

/** Whether the caller may make its results part of a baseline; also true if there is none. */
export async function mayPutBaseline(
  authorizer: Authorizer,
  caller: string,
  { baselineId = '', realm }: { readonly baselineId?: string | undefined; readonly realm: string },
): Promise<boolean> {
  if (baselineId === '') return true;
  return authorizer.isAllowed(caller, 'resultdb.baselines.put', rootRealm(realm));
}

function requireSameProject({ details, realm }: Invocation, given: string): void {
  const [project] = realm.split(':');
  if (given.split(':')[0] !== project) {
    throw new CodedError(
      'invalid-argument',
      `cannot change invocation realm to outside project ${JSON.stringify(project)}`,
    );
  }
  if (!decodeFields(details).isExportRoot) return;
  inField('invocation: realm', () => {
    throw invalid('cannot change realm of an invocation that is an export root');
  });
}

function isEqual(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((bytes, i) => Buffer.compare(bytes, b[i] ?? bytes) === 0);
}
