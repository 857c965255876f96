/**
 * Update tokens: whoever holds one may change the invocation it was made for. People rarely handle
 * them. Every invocation that the CLI creates has a request id that follows from its name, so
 * creating it again, by the same identity, changes nothing and answers a fresh token: any job of a
 * pipeline can go on with what another one began.
 */
import { createHash } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Invocation } from '../gen/luci/resultdb/v1/invocation_pb.js';
import type { Connection } from './connection.ts';
import { type CliContext, CliError } from './context.ts';

export const UPDATE_TOKEN_HEADER = 'update-token';

export interface TokenSource {
  readonly context: CliContext;
  readonly connection: Connection;
  /** `--token`, if it was given. */
  readonly given: string | undefined;
}

/** The headers that allow a change of `invocationId`. */
export async function updateHeaders(
  source: TokenSource,
  invocationId: string,
): Promise<Record<string, string>> {
  return { [UPDATE_TOKEN_HEADER]: await updateToken(source, invocationId) };
}

/** Deterministic: the same invocation always gets the same request id. */
export function requestIdFor(invocationId: string): string {
  return createHash('sha256').update(`postlude cli ${invocationId}`).digest('hex').slice(0, 32);
}

async function updateToken(source: TokenSource, invocationId: string): Promise<string> {
  const { context, given } = source;
  if (given !== undefined) return given;
  const inherited = context.env.POSTLUDE_UPDATE_TOKEN;
  if (inherited !== undefined && context.env.POSTLUDE_INVOCATION === invocationId) {
    return inherited;
  }
  return renewToken(source.connection, invocationId);
}

/** Reads first, so that a misspelt name never makes a new invocation. */
async function renewToken(connection: Connection, invocationId: string): Promise<string> {
  const invocation = await connection.resultDb.getInvocation({
    name: `invocations/${invocationId}`,
  });
  try {
    return await createAgain(connection, invocationId, invocation);
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== Code.AlreadyExists) throw error;
    throw new CliError(
      `invocation ${invocationId} was created by another identity or client; pass its update token with --token`,
      undefined,
      { cause: error },
    );
  }
}

async function createAgain(
  connection: Connection,
  invocationId: string,
  stored: Invocation,
): Promise<string> {
  let token: string | undefined;
  await connection.recorder.createInvocation(
    {
      invocationId,
      invocation: { realm: stored.realm },
      requestId: requestIdFor(invocationId),
    },
    {
      onHeader: (headers) => {
        token = headers.get(UPDATE_TOKEN_HEADER) ?? undefined;
      },
    },
  );
  if (token === undefined) throw new CliError('the server answered without an update token');
  return token;
}
