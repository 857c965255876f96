/** The setting `realms`: realm → role or permission → members. */
import { type RealmGrants, realmAuthorizer } from '../../services/shared/permissions.ts';
import { mappingOf, texts } from './shapes.ts';

const REALM =
  /^(?:[a-z0-9_-]{1,100}|@internal):(?:[a-z0-9_./-]{1,400}|@root|@legacy)$|^@internal:tasks$/;
const MEMBER = /^(?:anyone|authenticated|[a-z]+:\S+)$/;
const MEMBERS = '(user:someone@example.com, user:*@example.com, authenticated, anyone)';

const roles = mappingOf((value) => {
  const members = texts(value);
  const wrong = members.find((member) => !MEMBER.test(member));
  if (wrong !== undefined) throw new Error(`${wrong} is not a member ${MEMBERS}`);
  return members;
}, 'must map roles to members');

const EMPTY = 'must map realms to roles, and roles to members';

const realms = mappingOf((value, realm) => {
  if (!REALM.test(realm)) throw new Error('is not a realm (project:realm, or project:@root)');
  return roles(value);
}, EMPTY);

/** Throws an Error that says what is wrong. */
export function realmGrants(value: unknown): RealmGrants {
  const grants = realms(value);
  if (Object.keys(grants).length === 0) throw new Error(EMPTY);
  realmAuthorizer(grants); // throws if a role does not exist
  return grants;
}
