import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { systemClock } from '@postlude/queue/foundations';
import { generateKeyPair } from 'jose';
import { describe, expect, test } from 'vitest';
import { OidcIssuerServer, type TokenOptions } from '../../../test/support/network/oidc-issuer.ts';
import { startTestServer, temporaryFolder } from '../../../test/support/server/server-world.ts';
import { TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';

const REALMS = `{'ci:main': {admin: ['user:*@example.com']}, 'ci:@root': {admin: ['user:*@example.com']}}`;
const RESULT = { testId: 't', resultId: 'r', status: TestStatus.PASS, expected: true };
const NOW_S = Math.floor(systemClock.now() / 1000);
const EXPIRED = { exp: NOW_S - 600, iat: NOW_S - 1200 };
const OTHER_KEYS = await generateKeyPair('ES256');

/** Where only those whom the issuer knows may do anything. */
async function openWorld() {
  const issuer = await OidcIssuerServer.start();
  const realmsFile = join(await temporaryFolder(), 'realms.yaml');
  await writeFile(realmsFile, REALMS);
  const oidc = { oidcIssuer: issuer.url, oidcAudiences: 'postlude', realmsFile };
  const { invocations, recorder, resultDb } = await startTestServer(oidc);
  const bearer = async (token: TokenOptions = {}) => ({
    authorization: await issuer.bearer(systemClock.now(), token),
  });
  const open = async (invocationId: string): Promise<string> => {
    let token = '';
    await invocations.openInvocation(
      { invocationId, realm: 'ci:main', recorder: 'me' },
      { headers: await bearer(), onHeader: (all) => (token = all.get('update-token') ?? '') },
    );
    return token;
  };
  return { invocations, recorder, resultDb, bearer, open };
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => 'ok',
    (error: unknown) => Code[ConnectError.from(error).code] ?? '',
  );
}

test('who holds an update token may go on when the bearer token has expired', async () => {
  const { bearer, invocations, open, recorder, resultDb } = await openWorld();
  const headers = { ...(await bearer({ claims: EXPIRED })), 'update-token': await open('x') };
  const name = 'invocations/x';
  await invocations.keepInvocationAlive({ name, recorder: 'me' }, { headers });
  await recorder.createTestResult({ invocation: name, testResult: RESULT }, { headers });
  const requests = [{ testResult: { ...RESULT, resultId: 's' } }];
  await recorder.batchCreateTestResults({ invocation: name, requests }, { headers });
  await invocations.endInvocation({ name }, { headers });
  const found = await resultDb.queryTestResults(
    { invocations: [name] },
    { headers: await bearer() },
  );
  expect(found.testResults).toHaveLength(2);
});

describe('with an expired bearer token, nobody', () => {
  test('changes anything without an update token that is valid for it', async () => {
    const { bearer, invocations, open } = await openWorld();
    const [ofX, ofY] = [await open('x'), await open('y')];
    const expired = await bearer({ claims: EXPIRED });
    const end = (token: Record<string, string>) =>
      codeOf(invocations.endInvocation({ name: 'invocations/x' }, { headers: token }));
    expect(await end(expired)).toBe('Unauthenticated');
    expect(await end({ ...expired, 'update-token': ofY })).toBe('PermissionDenied');
    expect(await end({ ...expired, 'update-token': 'anything' })).toBe('PermissionDenied');
    expect(await end({ ...expired, 'update-token': '' })).not.toBe('ok');
    expect(await end({ ...expired, 'update-token': `${ofX}, ${ofX}` })).toBe('InvalidArgument');
    expect(await end({ ...expired, 'update-token': ofX })).toBe('ok');
  });

  test('reads, opens or includes by an update token', async () => {
    const { bearer, invocations, open, recorder, resultDb } = await openWorld();
    const headers = { ...(await bearer({ claims: EXPIRED })), 'update-token': await open('x') };
    await open('y');
    const name = 'invocations/x';
    const calls = [
      resultDb.getInvocation({ name }, { headers }),
      resultDb.queryTestResults({ invocations: [name] }, { headers }),
      invocations.openInvocation({ invocationId: 'x', realm: 'ci:main' }, { headers }),
      invocations.explainInvocation({ name }, { headers }),
      recorder.createInvocation({ invocationId: 'u-z', invocation: {} }, { headers }),
      recorder.updateIncludedInvocations(
        { includingInvocation: name, addInvocations: ['invocations/y'] },
        { headers },
      ),
    ];
    expect(await Promise.all(calls.map(codeOf))).toEqual(calls.map(() => 'Unauthenticated'));
  });
});

test.each<[string, TokenOptions]>([
  ['that another key signed', { claims: EXPIRED, key: OTHER_KEYS.privateKey }],
  ['for another audience', { claims: { ...EXPIRED, aud: 'elsewhere' } }],
  ['of an issuer that is not known', { claims: { ...EXPIRED, iss: 'https://evil.example.com' } }],
  ['that is not valid yet', { claims: { nbf: NOW_S + 600 } }],
])('a bearer token %s is refused beside a valid update token, too', async (_what, token) => {
  const { bearer, invocations, open } = await openWorld();
  const headers = { ...(await bearer(token)), 'update-token': await open('x') };
  const ended = codeOf(invocations.endInvocation({ name: 'invocations/x' }, { headers }));
  expect(await ended).toBe('Unauthenticated');
});
