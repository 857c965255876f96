/** Gets OIDC tokens from CI systems that give one to each job, or to a job that asks for it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { CliContext } from '../context.ts';

export interface IdTokenSource {
  /** The name that messages use. */
  readonly name: string;
  /** Returns a token. Throws if there is none; the error never holds a token. */
  request(): Promise<string>;
}

type Environment = CliContext['env'];

/** This is short, because jobs wait for it. */
const TIMEOUT_MS = 10_000;
const MAX_TOKEN_LENGTH = 16 * 1024;

/** Returns `undefined` outside of these systems, or if the job has no permission to ask. */
export function idTokenSource(env: Environment, audience: string): IdTokenSource | undefined {
  const { ACTIONS_ID_TOKEN_REQUEST_TOKEN: token, ACTIONS_ID_TOKEN_REQUEST_URL: url } = env;
  if (token && url) return { name: 'GitHub', request: () => askGitHub(url, token, audience) };
  if (env.BUILDKITE === 'true') {
    return { name: 'Buildkite', request: () => askBuildkite(env, audience) };
  }
  const { CIRCLE_OIDC_TOKEN_V2: ofJob, CIRCLECI } = env;
  // Its audience is always the organization.
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
  if (!response.ok) throw new Error(`it responded with ${response.status}`);
  const body: unknown = await response.json().catch(() => undefined);
  const isAnswer = typeof body === 'object' && body !== null && 'value' in body;
  return oneToken(isAnswer ? body.value : undefined);
}

async function askBuildkite(env: Environment, audience: string): Promise<string> {
  const args = ['oidc', 'request-token', '--audience', audience];
  const options = { env: { ...env }, timeout: TIMEOUT_MS, maxBuffer: 1024 ** 2 };
  const { stdout } = await promisify(execFile)('buildkite-agent', args, options).catch((error) => {
    throw new Error(reasonOf(error)); // the error of execFile holds all the output
  });
  return oneToken(stdout.trim());
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'buildkite-agent is not on the PATH';
  return typeof code === 'number'
    ? `buildkite-agent exited with ${code}`
    : 'buildkite-agent did not respond';
}

function oneToken(answer: unknown): string {
  const isToken = typeof answer === 'string' && /^[\w.~+/=-]+$/.test(answer);
  if (isToken && answer.length <= MAX_TOKEN_LENGTH) return answer;
  throw new Error('its response is not a token');
}
