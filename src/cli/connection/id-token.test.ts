import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { FakeClock } from '@postlude/queue/testing';
import { SignJWT } from 'jose';
import { describe, expect, onTestFinished, test } from 'vitest';
import { listen } from '../../../test/support/network/http-listener.ts';
import { IdTokens } from './id-token.ts';

const KEY = new Uint8Array(32);
const MINUTE_MS = 60_000;

/** Makes a token that lives five minutes, as GitHub's do, by a clock that is years away from ours. */
function tokenOf(jti: string, claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
  return new SignJWT({ jti, iat: 1_000, exp: 1_300, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(KEY);
}

/** Serves GitHub jobs that ask for a token. */
async function startGitHub() {
  const asked: { readonly url?: string; readonly authorization?: string }[] = [];
  const github = { asked, status: 200, claims: {} as Readonly<Record<string, unknown>>, env: {} };
  const origin = await listen(async (request, response) => {
    const { authorization } = request.headers;
    asked.push({ url: request.url ?? '', ...(authorization ? { authorization } : {}) });
    response.writeHead(github.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ value: await tokenOf(`${asked.length}`, github.claims) }));
  });
  github.env = {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${origin}/token?api=2`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-secret',
  };
  return github;
}

function openTokens(env: Readonly<Record<string, string | undefined>>, audience = 'postlude') {
  const clock = new FakeClock();
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  return { clock, warnings, tokens: new IdTokens({ clock, env, audience, warn }) };
}

describe('on GitHub', () => {
  test('a job asks once for its audience, however many calls need a token', async () => {
    const { asked, env } = await startGitHub();
    const { tokens, warnings } = openTokens(env, 'a b');
    const got = await Promise.all([tokens.current(), tokens.current(), tokens.current()]);
    expect(new Set(got)).toEqual(new Set([await tokenOf('1')]));
    const authorization = 'Bearer request-secret';
    expect(asked).toEqual([{ url: '/token?api=2&audience=a+b', authorization }]);
    expect(warnings).toEqual([]);
  });

  test('asks again when a token is near its end, by the clock of its issuer', async () => {
    const { asked, env } = await startGitHub();
    const { clock, tokens } = openTokens(env);
    await tokens.current();
    clock.advance(4 * MINUTE_MS - 1);
    expect(await tokens.current()).toBe(await tokenOf('1'));
    clock.advance(1);
    expect(await tokens.current()).toBe(await tokenOf('2'));
    expect(asked).toHaveLength(2);
  });

  test('asks again for a token that is refused, once for all calls', async () => {
    const { asked, env } = await startGitHub();
    const { tokens } = openTokens(env);
    const first = await tokens.current();
    const others = await Promise.all([tokens.insteadOf(first), tokens.insteadOf(first)]);
    expect(others).toEqual([await tokenOf('2'), await tokenOf('2')]);
    expect(await tokens.insteadOf(first)).toBe(await tokenOf('2'));
    expect(asked).toHaveLength(2);
  });

  test('keeps the old token if it gets no new one; warns once, and asks again later', async () => {
    const github = await startGitHub();
    github.status = 403;
    const { clock, tokens, warnings } = openTokens(github.env);
    expect(await tokens.current()).toBeUndefined();
    expect(await tokens.current()).toBeUndefined();
    expect(github.asked).toHaveLength(1);
    expect(warnings).toEqual(['cannot get an OIDC token from GitHub: it responded with 403']);
    github.status = 200;
    clock.advance(30_000);
    expect(await tokens.current()).toBe(await tokenOf('2'));
  });

  test('uses a token that does not say how long it lives until it is refused', async () => {
    const github = await startGitHub();
    github.claims = { exp: undefined };
    const { clock, tokens } = openTokens(github.env);
    const first = await tokens.current();
    clock.advance(60 * MINUTE_MS);
    expect(await tokens.current()).toBe(first);
  });
});

describe('on Buildkite', () => {
  /** Puts a `buildkite-agent` on the PATH that runs this shell script. */
  async function openAgent(script: string) {
    const folder = await mkdtemp(join(tmpdir(), 'postlude-agent-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const agent = join(folder, 'buildkite-agent');
    await writeFile(agent, `#!/bin/sh\necho "$@" >> ${folder}/calls\n${script}\n`);
    await chmod(agent, 0o755);
    const PATH = `${folder}${delimiter}${process.env.PATH}`;
    const calls = (): Promise<string> => readFile(join(folder, 'calls'), 'utf8');
    return { calls, env: { BUILDKITE: 'true', PATH } };
  }

  test('a job asks its agent', async () => {
    const token = await tokenOf('agent');
    const { calls, env } = await openAgent(`echo ${token}`);
    const { tokens } = openTokens(env, 'ours');
    expect(await tokens.current()).toBe(token);
    expect(await calls()).toBe('oidc request-token --audience ours\n');
  });

  test.each([
    ['exit 3', 'buildkite-agent exited with 3'],
    ['echo two words', 'its response is not a token'],
  ])('an agent that does "%s" is told of, without what it said', async (script, reason) => {
    const { env } = await openAgent(`echo secret >&2; ${script}`);
    const { tokens, warnings } = openTokens(env);
    expect(await tokens.current()).toBeUndefined();
    expect(warnings).toEqual([`cannot get an OIDC token from Buildkite: ${reason}`]);
  });

  test('a job without an agent calls without a token', async () => {
    const { tokens, warnings } = openTokens({ BUILDKITE: 'true', PATH: '/nowhere' });
    expect(await tokens.current()).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('is not on the PATH')]);
  });
});

test('a job on CircleCI uses the token that is made for it', async () => {
  const token = await tokenOf('of the job');
  const { tokens } = openTokens({ CIRCLECI: 'true', CIRCLE_OIDC_TOKEN_V2: token });
  expect(await tokens.current()).toBe(token);
  expect(await tokens.insteadOf(token)).toBeUndefined();
  const ofFork = openTokens({ CIRCLECI: 'true' });
  expect(await ofFork.tokens.current()).toBeUndefined();
});

test('a given token comes first, and is replaced if it is refused', async () => {
  const { asked, env } = await startGitHub();
  const { tokens } = openTokens({ ...env, POSTLUDE_ID_TOKEN: 'given' });
  expect(await tokens.current()).toBe('given');
  expect(asked).toEqual([]);
  expect(await tokens.insteadOf('given')).toBe(await tokenOf('1'));
  expect(await tokens.current()).toBe(await tokenOf('1'));
});

test('without a source of tokens, only the given token is used', async () => {
  const { tokens } = openTokens({ POSTLUDE_ID_TOKEN: 'given' });
  expect(await tokens.insteadOf('given')).toBeUndefined();
  expect(await openTokens({}).tokens.current()).toBeUndefined();
});
