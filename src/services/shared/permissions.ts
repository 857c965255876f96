/**
 * Permissions of callers. A realm, `project:realm`, grants roles to members; a role is a set of
 * permissions. Grants of `project:@root` hold in every realm of the project.
 */
import { CodedError } from '@postlude/queue/foundations';

export const PERMISSIONS = [
  'resultdb.invocations.create',
  'resultdb.invocations.createWithReservedID',
  'resultdb.invocations.exportToBigQuery',
  'resultdb.invocations.setProducerResource',
  'resultdb.invocations.setExportRoot',
  'resultdb.baselines.put',
  'resultdb.invocations.include',
  'resultdb.invocations.get',
  'resultdb.instructions.get',
  'resultdb.testResults.get',
  'resultdb.testResults.list',
  'resultdb.testExonerations.get',
  'resultdb.testExonerations.list',
  'resultdb.artifacts.get',
  'resultdb.artifacts.list',
  'postlude.tasks.list',
  'postlude.tasks.redrive',
  'postlude.limits.get',
] as const;

export type Permission = (typeof PERMISSIONS)[number];

/** Background tasks belong to the installation rather than to a project. */
export const TASKS_REALM = '@internal:tasks';

/** Decides whether a caller has a permission in a realm. */
export interface Authorizer {
  isAllowed(caller: string, permission: Permission, realm: string): boolean | Promise<boolean>;
}

/** The authorizer of a server that only its own machine can reach. */
export const allowAll: Authorizer = { isAllowed: () => true };

const READ: readonly Permission[] = [
  'resultdb.invocations.get',
  'resultdb.instructions.get',
  'resultdb.testResults.get',
  'resultdb.testResults.list',
  'resultdb.testExonerations.get',
  'resultdb.testExonerations.list',
  'resultdb.artifacts.get',
  'resultdb.artifacts.list',
];
const WRITE: readonly Permission[] = [
  ...READ,
  'resultdb.invocations.create',
  'resultdb.invocations.include',
];

/** The permissions of each role. A realm's configuration names roles or single permissions. */
export const ROLES: Readonly<Record<string, readonly Permission[]>> = {
  reader: READ,
  writer: WRITE,
  admin: PERMISSIONS,
};

/** realm → role or permission → members. */
export type RealmGrants = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/**
 * Creates an authorizer from grants. A member is a caller's identity (`user:someone@example.com`), all
 * users of a domain (`user:*@example.com`), every authenticated caller (`authenticated`), or `anyone`.
 * Throws `invalid-argument` if a role does not exist.
 */
export function realmAuthorizer(grants: RealmGrants): Authorizer {
  const members = indexGrants(grants);
  return {
    isAllowed: (caller, permission, realm) =>
      [realm, rootRealm(realm)].some((place) =>
        (members.get(place)?.get(permission) ?? []).some((member) => isMember(caller, member)),
      ),
  };
}

/** Whether the caller has any permission in any realm. */
export function hasAnyGrant(grants: RealmGrants, caller: string): boolean {
  return Object.values(grants).some((roles) =>
    Object.values(roles).some((members) => members.some((member) => isMember(caller, member))),
  );
}

/** Returns `project:@root`, whose grants hold in every realm of the project. */
export function rootRealm(realm: string): string {
  return `${realm.slice(0, realm.indexOf(':'))}:@root`;
}

/** Throws `permission-denied` unless the caller has the permission in the realm. */
export async function requirePermission(
  authorizer: Authorizer,
  caller: string,
  { permission, realm }: { readonly permission: Permission; readonly realm: string },
): Promise<void> {
  if (await authorizer.isAllowed(caller, permission, realm)) return;
  throw new CodedError(
    'permission-denied',
    `caller ${caller} does not have permission ${permission} in realm ${JSON.stringify(realm)}`,
  );
}

function indexGrants(grants: RealmGrants): Map<string, Map<Permission, string[]>> {
  const index = new Map<string, Map<Permission, string[]>>();
  for (const [realm, roles] of Object.entries(grants)) {
    const byPermission = new Map<Permission, string[]>();
    for (const [role, members] of Object.entries(roles)) {
      for (const permission of permissionsOf(role)) {
        byPermission.set(permission, [...(byPermission.get(permission) ?? []), ...members]);
      }
    }
    index.set(realm, byPermission);
  }
  return index;
}

function permissionsOf(role: string): readonly Permission[] {
  const single = PERMISSIONS.filter((permission) => permission === role);
  const permissions =
    single.length > 0 ? single : Object.hasOwn(ROLES, role) ? ROLES[role] : undefined;
  if (permissions !== undefined) return permissions;
  const roles = Object.keys(ROLES).join(', ');
  throw new CodedError('invalid-argument', `no such role: ${role} (there are ${roles})`);
}

function isMember(caller: string, member: string): boolean {
  if (member === 'anyone') return true;
  if (member === 'authenticated') return !caller.startsWith('anonymous:');
  if (member.startsWith('user:*@')) {
    return caller.startsWith('user:') && caller.endsWith(member.slice('user:*'.length));
  }
  return caller === member;
}
