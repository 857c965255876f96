import { FakeClock } from '@postlude/queue/testing';
import { exportSPKI, generateKeyPair, UnsecuredJWT } from 'jose';
import { expect, test } from 'vitest';
import {
  issuerKeyPair,
  OidcIssuerServer,
  type TokenOptions,
} from '../../../test/support/network/oidc-issuer.ts';
import type { OidcIssuer } from '../config/oidc-issuers.ts';
import { ANONYMOUS, oidcAuthenticate } from './auth.ts';

const OTHER_KEYS = await generateKeyPair('ES256');

async function setUp(settings: Partial<OidcIssuer> = {}) {
  const clock = new FakeClock();
  const issuer = await OidcIssuerServer.start();
  const audiences = ['postlude', 'other'];
  const authenticate = oidcAuthenticate({
    issuers: [{ issuer: issuer.url, audiences, identity: 'user:{email}', ...settings }],
    clock,
  });
  const bearer = (token?: TokenOptions): Promise<string> => issuer.bearer(clock.now(), token);
  return { authenticate, bearer, issuer, clock };
}

test('who brings no token is anonymous', async () => {
  const { authenticate, issuer } = await setUp();
  expect(await authenticate(null)).toBe(ANONYMOUS);
  expect(issuer.asked).toEqual([]);
});

test('names a caller by the email of a token that was signed for us', async () => {
  const { authenticate, bearer } = await setUp();
  expect(await authenticate(await bearer())).toBe('user:a@example.com');
  expect(await authenticate(await bearer({ claims: { aud: ['x', 'other'] } }))).toBe(
    'user:a@example.com',
  );
});

test('takes the email of an issuer that does not say whether it is verified', async () => {
  const { authenticate, bearer } = await setUp();
  const claims = { email_verified: undefined };
  expect(await authenticate(await bearer({ claims }))).toBe('user:a@example.com');
});

test('names a caller by other claims where the issuer is configured so', async () => {
  const { authenticate, bearer } = await setUp({ identity: 'service:{repository}/{sub}' });
  const claims = { repository: 'octo/repo', email: undefined };
  expect(await authenticate(await bearer({ claims }))).toBe('service:octo/repo/s');
});

const NOW = Math.floor(new FakeClock().now() / 1000);

const REFUSED: readonly [string, TokenOptions, string][] = [
  [
    'was made for others',
    { claims: { aud: 'elsewhere' } },
    'the token was made for another audience',
  ],
  [
    'was made for nobody',
    { claims: { aud: undefined } },
    'the token was made for another audience',
  ],
  ['has expired', { claims: { exp: NOW - 31 } }, 'the token has expired'],
  ['never expires', { claims: { exp: undefined } }, "the token's claim exp does not fit"],
  ['is not valid yet', { claims: { nbf: NOW + 31 } }, "the token's claim nbf does not fit"],
  ['another key signed', { key: OTHER_KEYS.privateKey }, 'the token cannot be verified'],
  ['names an unknown key', { header: { kid: 'k2' } }, 'the token cannot be verified'],
  ['has no email', { claims: { email: undefined } }, 'the token has no claim email'],
  ['has an odd email', { claims: { email: { a: 1 } } }, 'the token has no claim email'],
  [
    'has an unverified email',
    { claims: { email_verified: false } },
    'the email of the token has not been verified',
  ],
  [
    'has line breaks in its email',
    { claims: { email: 'a\nb' } },
    'the token names its caller in a form that is not accepted',
  ],
  [
    'is of another issuer',
    { claims: { iss: 'https://evil.example.com' } },
    'the token is from an issuer that is not accepted here',
  ],
];

test.each(REFUSED)('refuses a token that %s', async (_what, token, message) => {
  const { authenticate, bearer } = await setUp();
  await expect(authenticate(await bearer(token))).rejects.toMatchObject({
    code: 'unauthenticated',
    message,
  });
});

test('accepts a token that ended within the tolerated drift of clocks', async () => {
  const { authenticate, bearer } = await setUp();
  await authenticate(await bearer({ claims: { exp: NOW - 29 } }));
});

test('refuses a token without a signature, or signed with the public key as a secret', async () => {
  const { authenticate, bearer, issuer } = await setUp();
  const unsigned = new UnsecuredJWT({ email: 'a@example.com' })
    .setIssuer(issuer.url)
    .setAudience('postlude')
    .setExpirationTime(NOW + 300)
    .encode();
  await expect(authenticate(`Bearer ${unsigned}`)).rejects.toMatchObject({
    code: 'unauthenticated',
  });
  const key = Buffer.from(await exportSPKI((await issuerKeyPair()).publicKey));
  const confused = await bearer({ header: { alg: 'HS256' }, key });
  await expect(authenticate(confused)).rejects.toMatchObject({ code: 'unauthenticated' });
});

test.each([
  ['Basic YTpi', 'authorization must be "Bearer" and a token'],
  ['Bearer', 'authorization must be "Bearer" and a token'],
  ['Bearer a b', 'authorization must be "Bearer" and a token'],
  ['Bearer a.b.c', 'the token is not a JSON web token'],
  [`Bearer ${'x'.repeat(20_000)}`, 'the token is too long'],
])('refuses the header %.20s', async (header, message) => {
  const { authenticate, issuer } = await setUp();
  await expect(authenticate(header)).rejects.toMatchObject({ code: 'unauthenticated', message });
  expect(issuer.asked).toEqual([]);
});

test('asks an issuer once for all callers, and no more for unknown keys', async () => {
  const { authenticate, bearer, issuer } = await setUp();
  const tokens = await Promise.all([bearer(), bearer(), bearer({ header: { kid: 'k2' } })]);
  await Promise.allSettled([...tokens, ...tokens, ...tokens].map(authenticate));
  expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/jwks']);
});

test('needs no discovery if the location of the keys is configured', async () => {
  const other = await OidcIssuerServer.start();
  const { authenticate, bearer, issuer } = await setUp({ jwksUri: `${other.url}/jwks` });
  expect(await authenticate(await bearer())).toBe('user:a@example.com');
  expect([issuer.asked, other.asked]).toEqual([[], ['/jwks']]);
});

test('an issuer that is down makes callers wait, is left alone a while, and asked again', async () => {
  const { authenticate, bearer, issuer, clock } = await setUp();
  issuer.status = 500;
  const token = await bearer();
  await expect(authenticate(token)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(authenticate(token)).rejects.toMatchObject({ code: 'unavailable' });
  expect(issuer.asked).toHaveLength(1);
  issuer.status = 200;
  clock.advance(5_000);
  expect(await authenticate(token)).toBe('user:a@example.com');
});

test('does not believe a discovery document of somebody else', async () => {
  const { authenticate, bearer, issuer } = await setUp();
  issuer.claimsToBe = 'https://issuer.example.com';
  await expect(authenticate(await bearer())).rejects.toMatchObject({ code: 'unavailable' });
});

test('does not read on for ever when an issuer sends too much', async () => {
  const { authenticate, bearer, issuer } = await setUp();
  issuer.padding = 600_000;
  await expect(authenticate(await bearer())).rejects.toMatchObject({ code: 'unavailable' });
});
