import { expect, test } from 'vitest';
import { OidcIssuerServer } from '../../../../test/support/network/oidc-issuer.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { tokenVerifier } from './token-verifier.ts';

async function setUp(answers: Record<string, unknown>) {
  const clock = new FakeClock();
  const issuer = await OidcIssuerServer.start();
  const asked: string[] = [];
  const verify = tokenVerifier([{ issuer: issuer.url, audiences: ['postlude'] }], {
    clock,
    fetch: async (input, init) => {
      const url = String(input);
      asked.push(url.slice(issuer.url.length));
      const answer = answers[asked.at(-1) ?? ''];
      return answer === undefined ? await fetch(input, init) : Response.json(answer);
    },
  });
  const token = await issuer.bearer(clock.now());
  return { verify, token, asked, answers, clock, url: issuer.url };
}

test('returns the claims of an accepted token, and its issuer', async () => {
  const { verify, token, url } = await setUp({});
  expect(await verify(token)).toMatchObject({
    issuer: { issuer: url },
    claims: { email: 'a@example.com', aud: 'postlude' },
  });
});

test.each([
  [
    'another issuer',
    { issuer: 'https://evil.example.com', jwks_uri: 'https://evil.example.com/k' },
  ],
  ['no document', 'hello'],
  ['nothing', null],
])(
  'a discovery document of %s is not believed, and not asked for again at once',
  async (_, answer) => {
    const { verify, token, asked } = await setUp({ '/.well-known/openid-configuration': answer });
    await expect(verify(token)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(verify(token)).rejects.toMatchObject({ code: 'unavailable' });
    expect(asked).toEqual(['/.well-known/openid-configuration']);
  },
);

test('does not fetch keys over a connection that others can eavesdrop on', async () => {
  const { verify, token, asked, answers, url } = await setUp({});
  const document = { issuer: url, jwks_uri: 'http://keys.example.com/' };
  answers['/.well-known/openid-configuration'] = document;
  await expect(verify(token)).rejects.toMatchObject({ code: 'unavailable' });
  expect(asked).toEqual(['/.well-known/openid-configuration']);
});

test.each([
  ['no list', { keys: 'none' }],
  ['a list of something else', { keys: ['k1'] }],
  ['no object', null],
])(
  'keys that are %s count as not to be had, and are not asked for again at once',
  async (_, answer) => {
    const { verify, token, asked, clock } = await setUp({ '/jwks': answer });
    await expect(verify(token)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(verify(token)).rejects.toMatchObject({ code: 'unavailable' });
    expect(asked).toEqual(['/.well-known/openid-configuration', '/jwks']);
    clock.advance(5_000);
    await expect(verify(token)).rejects.toMatchObject({ code: 'unavailable' });
    expect(asked).toHaveLength(3);
  },
);

test('an issuer that failed is asked again after a while, although the clock is set back', async () => {
  const documents = '/.well-known/openid-configuration';
  const { verify, token, asked, answers, clock } = await setUp({ [documents]: 'hello' });
  await expect(verify(token)).rejects.toMatchObject({ code: 'unavailable' });
  clock.set(clock.now() - 3_600_000);
  clock.advance(5_000);
  delete answers[documents];
  await verify(token).catch(() => undefined);
  expect(asked.slice(0, 2)).toEqual([documents, documents]);
});
