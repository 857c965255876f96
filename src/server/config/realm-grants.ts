/** Parses the realms of a configuration: realm → role or permission → members. */
import type { RealmGrants } from '../../services/shared/permissions.ts';
import { realmAuthorizer } from '../../services/shared/permissions.ts';
import { inKey, isRecord, texts } from './setting-values.ts';

const REALM =
  /^(?:[a-z0-9_-]{1,100}|@internal):(?:[a-z0-9_./-]{1,400}|@root|@legacy)$|^@internal:tasks$/;
const MEMBER = /^(?:anyone|authenticated|[a-z]+:\S+)$/;

/** Throws an Error that says what is wrong. */
export function realmGrants(value: unknown): RealmGrants {
  if (!isRecord(value) || Object.keys(value).length === 0) {
    throw new Error('must map realms to roles, and roles to members');
  }
  const grants = Object.fromEntries(
    Object.entries(value).map(([realm, roles]) => [
      realm,
      inKey(realm, () => rolesOf(realm, roles)),
    ]),
  );
  realmAuthorizer(grants); // throws if a role does not exist
  return grants;
}

function rolesOf(realm: string, value: unknown): Readonly<Record<string, readonly string[]>> {
  if (!REALM.test(realm)) throw new Error('is not a realm (project:realm, or project:@root)');
  if (!isRecord(value)) throw new Error('must map roles to members');
  return Object.fromEntries(
    Object.entries(value).map(([role, members]) => [role, inKey(role, () => membersOf(members))]),
  );
}

function membersOf(value: unknown): readonly string[] {
  const members = texts(value);
  const wrong = members.find((member) => !MEMBER.test(member));
  if (wrong === undefined) return members;
  throw new Error(
    `${wrong} is not a member (user:someone@example.com, user:*@example.com, authenticated, anyone)`,
  );
}
