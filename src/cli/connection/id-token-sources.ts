/** CI systems that give an OIDC token to a job that asks for it, or to each job. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { CliContext } from '../context.ts';

export interface IdTokenSource {
  /** For people. */
  readonly name: string;
  /** Throws where there is none to be had. The error does not hold the token. */
  request(): Promise<string>;
}

type Environment = CliContext['env'];

/** Jobs wait for it, so it is a short one. */
const TIMEOUT_MS = 10_000;
const MAX_TOKEN_LENGTH = 16 * 1024;

/** `undefined` elsewhere, and where the job has no permission to ask. */
export function idTokenSource(env: Environment, audience: string): IdTokenSource | undefined {
  const { ACTIONS_ID_TOKEN_REQUEST_TOKEN: token, ACTIONS_ID_TOKEN_REQUEST_URL: url } = env;
  if (token && url) return { name: 'GitHub', request: () => askGitHub(url, token, audience) };
  if (env.BUILDKITE === 'true') {
    return { name: 'Buildkite', request: () => askBuildkite(env, audience) };
  }
  const { CIRCLE_OIDC_TOKEN_V2: ofJob, CIRCLECI } = env;
  // It is made for the organization, whatever audience we would like.
  if (CIRCLECI === 'true' && ofJob)
    return { name: 'CircleCI', request: async () => oneToken(ofJob) };
  return undefined;
}

async function askGitHub(url: string, token: string, audience: string): Promise<string> {
  const asked = new URL(url);
  asked.searchParams.set('audience', audience);
  const response = await fetch(asked, {
    headers: { accept: 'application/json', authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  const body: unknown = await response.json().catch(() => undefined);
  const isAnswer = typeof body === 'object' && body !== null && 'value' in body;
  return oneToken(isAnswer ? body.value : undefined);
}

async function askBuildkite(env: Environment, audience: string): Promise<string> {
  const args = ['oidc', 'request-token', '--audience', audience];
  const options = { env: { ...env }, timeout: TIMEOUT_MS, maxBuffer: 1024 ** 2 };
  const { stdout } = await promisify(execFile)('buildkite-agent', args, options).catch((error) => {
    throw new Error(reasonOf(error)); // what execFile throws holds all that was written
  });
  return oneToken(stdout.trim());
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'buildkite-agent is not on the PATH';
  return typeof code === 'number'
    ? `buildkite-agent ended with ${code}`
    : 'buildkite-agent did not answer';
}

function oneToken(answer: unknown): string {
  const isToken = typeof answer === 'string' && /^[\w.~+/=-]+$/.test(answer);
  if (isToken && answer.length <= MAX_TOKEN_LENGTH) return answer;
  throw new Error('its answer is no token');
}
