import { exportSPKI, generateKeyPair, UnsecuredJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import {
  issuerKeyPair,
  OidcIssuerServer,
  RSA_HEADER,
  type TokenOptions,
} from '../../../../../test/support/network/oidc-issuer.ts';
import {
  localRequest,
  MAIL_ENVELOPE,
  openPushWorld,
  servePushWorld,
} from '../../../../../test/support/tq/push-world.ts';
import type { Task } from '../../tasks/dispatch/handler.ts';
import type { QueueRequest } from '../submit/submitter.ts';
import type { PushAuthOptions } from './push-auth.ts';
import { deliverByHttp } from './queue-delivery.ts';

const FROM_A_QUEUE = { headers: { 'x-cloudtasks-queuename': 'post' } };
const UNVERIFIED = 'the token cannot be verified';
const OTHER_KEYS = await generateKeyPair('RS256');

/** Accepts pushes of the account `a@example.com` with tokens made for `postlude`. */
async function serveWithOidc(auth: Partial<PushAuthOptions> = {}) {
  const issuer = await OidcIssuerServer.start();
  const accepted = { issuer: issuer.url, audiences: ['postlude'], emails: ['a@example.com'] };
  const world = await servePushWorld({ auth: { ...accepted, ...auth } });
  const bearer = (token: TokenOptions = {}): Promise<string> =>
    issuer.bearer(world.clock.now(), token);
  const postWith = async (authorization: string | Promise<string>): Promise<Response> =>
    world.post(MAIL_ENVELOPE, { authorization: await authorization });
  return { ...world, issuer, bearer, postWith };
}

type OidcWorld = Awaited<ReturnType<typeof serveWithOidc>>;

async function expectRefused(
  { handled, rejected }: OidcWorld,
  response: Response,
  message: string,
): Promise<void> {
  expect([response.status, await response.text()]).toEqual([403, `${message}\n`]);
  expect(handled).toEqual([]);
  expect(rejected).toEqual(['auth']);
}

describe('with OIDC', () => {
  test.each([
    ['ES256', {}],
    ['RS256', RSA_HEADER],
  ])('accepts a push with a token that the issuer signed by %s', async (_, header) => {
    const { postWith, bearer, handled, rejected } = await serveWithOidc();
    expect((await postWith(bearer({ header }))).status).toBe(200);
    expect(handled).toHaveLength(1);
    expect(rejected).toEqual([]);
  });

  test('accepts any of several audiences and accounts, and clocks that are 30 s apart', async () => {
    const { postWith, bearer, clock } = await serveWithOidc({
      audiences: ['x', 'y'],
      emails: ['a@example.com', 'b@example.com'],
    });
    const exp = clock.now() / 1000 - 29;
    const claims = { aud: 'y', email: 'b@example.com', exp };
    expect((await postWith(bearer({ claims }))).status).toBe(200);
  });

  const now = Math.floor(openPushWorld().clock.now() / 1000);
  const refused: readonly [string, TokenOptions, string][] = [
    ['for others', { claims: { aud: 'elsewhere' } }, 'the token was made for another audience'],
    ['for nobody', { claims: { aud: undefined } }, 'the token was made for another audience'],
    [
      'of another issuer',
      { claims: { iss: 'https://evil.example.com' } },
      'the token is from an issuer that is not accepted here',
    ],
    [
      'of another account',
      { claims: { email: 'b@example.com' } },
      "the token's account may not push here",
    ],
    [
      'of the account in other letters',
      { claims: { email: 'A@example.com' } },
      "the token's account may not push here",
    ],
    ['of no account', { claims: { email: undefined } }, "the token's account may not push here"],
    [
      'of a list of accounts',
      { claims: { email: ['a@example.com'] } },
      "the token's account may not push here",
    ],
    [
      'of an unverified account',
      { claims: { email_verified: false } },
      "the token's email has not been verified",
    ],
    [
      'that does not say whether the account is verified',
      { claims: { email_verified: undefined } },
      "the token's email has not been verified",
    ],
    ['that has expired', { claims: { exp: now - 31 } }, 'the token has expired'],
    ['that never expires', { claims: { exp: undefined } }, "the token's claim exp does not fit"],
    ['not valid yet', { claims: { nbf: now + 31 } }, "the token's claim nbf does not fit"],
    ['that another key signed', { key: OTHER_KEYS.privateKey, header: RSA_HEADER }, UNVERIFIED],
    ['of an unknown key', { header: { kid: 'k9' } }, UNVERIFIED],
  ];
  test.each(refused)('refuses a token %s', async (_what, token, message) => {
    const world = await serveWithOidc();
    await expectRefused(world, await world.postWith(world.bearer(token)), message);
  });

  test('refuses a token that is not signed', async () => {
    const world = await serveWithOidc();
    const token = new UnsecuredJWT({ email: 'a@example.com', email_verified: true })
      .setIssuer(world.issuer.url)
      .setAudience('postlude')
      .setExpirationTime(now + 300)
      .encode();
    await expectRefused(world, await world.postWith(`Bearer ${token}`), UNVERIFIED);
  });

  test.each(['ES256', 'RS256'])(
    'refuses a token that is signed with the public key of %s as secret',
    async (alg) => {
      const world = await serveWithOidc();
      const { kid } = alg === 'RS256' ? RSA_HEADER : { kid: 'k1' };
      const key = Buffer.from(await exportSPKI((await issuerKeyPair(alg)).publicKey));
      const token = world.bearer({ header: { alg: 'HS256', kid }, key });
      await expectRefused(world, await world.postWith(token), UNVERIFIED);
    },
  );

  test.each([
    ['Basic YTpi', 'authorization must be "Bearer" and a token'],
    ['Bearer', 'authorization must be "Bearer" and a token'],
    ['Bearer a.b.c', 'the token is not a JSON web token'],
    [`Bearer ${'x'.repeat(15_000)}`, 'the token is not a JSON web token'],
  ])(
    'refuses the malformed header %.20s without asking the issuer',
    async (authorization, message) => {
      const world = await serveWithOidc();
      await expectRefused(world, await world.postWith(authorization), message);
      expect(world.issuer.asked).toEqual([]);
    },
  );

  test('refuses a push without a token, even from this machine and with headers of Cloud Tasks', async () => {
    const world = await serveWithOidc();
    const response = await world.post(MAIL_ENVELOPE, { 'X-CloudTasks-QueueName': 'post' });
    await expectRefused(world, response, 'a push needs a token');
  });

  test('asks the issuer no more than twice, whatever keys tokens name', async () => {
    const { postWith, bearer, issuer, handled } = await serveWithOidc();
    for (let key = 0; key < 20; key++) await postWith(bearer({ header: { kid: `u${key}` } }));
    await Promise.all([21, 22, 23].map((key) => postWith(bearer({ header: { kid: `u${key}` } }))));
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/jwks']);
    expect(handled).toEqual([]);
    expect((await postWith(bearer())).status).toBe(200);
  });

  test('has a push repeated if the issuer’s keys cannot be fetched', async () => {
    const { postWith, bearer, issuer, clock, handled, rejected } = await serveWithOidc();
    issuer.status = 500;
    for (let push = 0; push < 10; push++) expect((await postWith(bearer())).status).toBe(503);
    expect(issuer.asked).toHaveLength(1);
    expect(handled).toEqual([]);
    expect(new Set(rejected)).toEqual(new Set(['no-keys']));
    issuer.status = 200;
    clock.advance(5_000);
    expect((await postWith(bearer())).status).toBe(200);
  });

  test('needs no discovery if it is given the URL of the keys', async () => {
    const keys = await OidcIssuerServer.start();
    const { postWith, bearer, issuer } = await serveWithOidc({ jwksUri: `${keys.url}/jwks` });
    expect((await postWith(bearer())).status).toBe(200);
    expect([issuer.asked, keys.asked]).toEqual([[], ['/jwks']]);
  });

  test('accepts what our own queue delivers for the account', async () => {
    const world = await serveWithOidc();
    const deliver = deliverByHttp({
      token: async ({ email, audience: aud }) => {
        const bearer = await world.bearer({ header: RSA_HEADER, claims: { email, aud } });
        return bearer.slice('Bearer '.length);
      },
    });
    const context = {
      signal: new AbortController().signal,
      complete: () => Promise.reject(new Error('not in the way of HTTP')),
    };
    const pushAs = { email: 'a@example.com', audience: 'postlude' };
    await deliver(queuedTask(world.url, pushAs), context);
    expect(world.handled).toMatchObject([
      { task: { payload: { to: 'a' }, id: 'n1', queue: 'post', attempt: 2 } },
    ]);
    const other = deliver(queuedTask(world.url, { ...pushAs, email: 'b@example.com' }), context);
    await expect(other).rejects.toThrow('returned 403');
    expect(world.handled).toHaveLength(1);
  });

  test('accepts pushes from any address', async () => {
    const issuer = await OidcIssuerServer.start();
    const auth = { issuer: issuer.url, audiences: ['postlude'], emails: ['a@example.com'] };
    const { push, clock } = openPushWorld({ auth });
    const headers = { authorization: await issuer.bearer(clock.now()), 'x-forwarded-for': '::' };
    const pushed = localRequest({ headers, host: 'postlude.example.com', peerAddress: undefined });
    expect(await push(pushed)).toMatchObject({ status: 200 });
  });

  test.each<[Partial<PushAuthOptions>, string]>([
    [{ audiences: [] }, 'audiences are missing'],
    [{ emails: [''] }, 'emails are missing'],
    [{ issuer: 'http://issuer.example.com' }, 'issuer must begin with https://'],
    [{ jwksUri: 'keys' }, 'jwksUri must be a URL'],
  ])('refuses the configuration %j', (wrong, problem) => {
    const auth = { audiences: ['postlude'], emails: ['a@example.com'], ...wrong };
    expect(() => openPushWorld({ auth })).toThrow(problem);
  });
});

describe('without OIDC', () => {
  test.each([
    ['of this machine', {}],
    ['by IPv6', { peerAddress: '::1', host: '[::1]:80' }],
    ['of IPv4 at a socket of IPv6', { peerAddress: '::ffff:127.0.0.1' }],
  ])('accepts a push %s', async (_, facts) => {
    const { push, handled } = openPushWorld();
    expect(await push(localRequest(facts))).toMatchObject({ status: 200 });
    expect(handled).toHaveLength(1);
  });

  test.each([
    ['another machine', { peerAddress: '10.0.0.1' }],
    ['another machine by IPv6', { peerAddress: '::ffff:10.0.0.1' }],
    ['nobody knows whom', { peerAddress: undefined }],
    ['a web page by a name of its own', { host: 'evil.example.com' }],
    ['nobody knows to whom', { host: undefined }],
    ['another machine in the name of a queue', { ...FROM_A_QUEUE, peerAddress: '10.0.0.1' }],
  ])('refuses a push of %s', async (_, facts) => {
    const { push, handled, rejected } = openPushWorld();
    expect(await push(localRequest(facts))).toMatchObject({
      status: 403,
      message: 'without OIDC, only pushes from this machine are taken',
    });
    expect(handled).toEqual([]);
    expect(rejected).toEqual(['auth']);
  });

  test.each([
    ['origin', 'https://evil.example.com'],
    ['sec-fetch-site', 'cross-site'],
    ['x-forwarded-for', '10.0.0.1'],
    ['x-real-ip', '10.0.0.1'],
    ['forwarded', 'for=10.0.0.1'],
    ['via', '1.1 proxy'],
  ])('refuses a push that a browser made or a proxy passed on: with %s', async (name, value) => {
    const { post, handled } = await servePushWorld();
    const response = await post(MAIL_ENVELOPE, { [name]: value });
    expect([response.status, await response.text()]).toEqual([
      403,
      `without OIDC, only pushes from this machine are taken, and none with the header ${name}\n`,
    ]);
    expect(handled).toEqual([]);
  });
});

/** Returns a task of our own queue at its second attempt. */
function queuedTask(url: string, pushAs: { email: string; audience: string }): Task<QueueRequest> {
  return {
    type: 'tq',
    id: 'n1',
    subject: undefined,
    createTime: 0,
    processAfter: 0,
    attempt: 2,
    fence: 2,
    lastError: 'failed',
    payload: {
      kind: 'queue',
      classId: 'mail',
      queue: 'projects/p/locations/l/queues/post',
      ...{ method: 'POST', url, headers: { 'Content-Type': 'application/json' }, pushAs },
      body: Buffer.from(MAIL_ENVELOPE),
    },
  };
}
