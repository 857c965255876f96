import { expect, test } from 'vitest';
import { realmAuthorizer, requirePermission } from './permissions.ts';

const authorizer = realmAuthorizer({
  'chromium:try': { writer: ['user:bot@example.com'], reader: ['user:*@example.com'] },
  'chromium:@root': { admin: ['user:root@example.com'] },
  'open:ci': { reader: ['anyone'], 'resultdb.invocations.create': ['authenticated'] },
});

test.each([
  ['user:bot@example.com', 'resultdb.invocations.create', 'chromium:try', true],
  ['user:bot@example.com', 'resultdb.invocations.create', 'chromium:ci', false],
  ['user:bot@example.com', 'resultdb.invocations.createWithReservedID', 'chromium:try', false],
  ['user:any@example.com', 'resultdb.invocations.get', 'chromium:try', true],
  ['user:any@evil-example.com', 'resultdb.invocations.get', 'chromium:try', false],
  ['service:any@example.com', 'resultdb.invocations.get', 'chromium:try', false],
  ['user:root@example.com', 'resultdb.invocations.create', 'chromium:try', true],
  ['user:root@example.com', 'postlude.tasks.list', 'open:ci', false],
  ['anonymous:anonymous', 'resultdb.invocations.get', 'open:ci', true],
  ['anonymous:anonymous', 'resultdb.invocations.create', 'open:ci', false],
  ['user:any@example.com', 'resultdb.invocations.create', 'open:ci', true],
  ['user:any@example.com', 'resultdb.invocations.get', 'nowhere:ci', false],
] as const)('%s, %s in %s: %s', (caller, permission, realm, isAllowed) => {
  expect(authorizer.isAllowed(caller, permission, realm)).toBe(isAllowed);
});

test('an unknown role is refused at once, with a list of the known ones', () => {
  expect(() => realmAuthorizer({ 'a:b': { toString: ['anyone'] } })).toThrow(
    'no such role: toString (there are reader, writer, admin)',
  );
});

test('a refusal names the caller, the permission and the realm', async () => {
  await expect(
    requirePermission(authorizer, 'user:x@y.org', {
      permission: 'resultdb.invocations.get',
      realm: 'chromium:try',
    }),
  ).rejects.toMatchObject({
    code: 'permission-denied',
    message:
      'caller user:x@y.org does not have permission resultdb.invocations.get in realm "chromium:try"',
  });
});
