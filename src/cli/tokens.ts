/**
 * Update tokens: whoever holds one may change the invocation it was made for. People rarely handle
 * them. Every invocation that the CLI creates has a request id that follows from its name, so
 * creating it again, by the same identity, changes nothing and answers a fresh token: any job of a
 * pipeline can go on with what another one began.
 */

import { createHash } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Invocation } from '../gen/luci/resultdb/v1/invocation_pb.js';
import type { CreateInvocationRequestSchema } from '../gen/luci/resultdb/v1/recorder_pb.js';
import { CLIENT_VARIABLES } from '../server/client-variables.ts';
import type { Connection } from './connection.ts';
import { type CliContext, CliError } from './context.ts';
import { invocationName } from './invocation-argument.ts';

export const UPDATE_TOKEN_HEADER = 'update-token';

export interface CreatedInvocation {
  readonly invocation: Invocation;
  readonly token: string;
}

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

/** Safe to repeat: the same id, from the same identity, answers the invocation that exists. */
export async function createWithToken(
  connection: Connection,
  request: MessageInitShape<typeof CreateInvocationRequestSchema> & {
    readonly invocationId: string;
  },
): Promise<CreatedInvocation> {
  let token: string | undefined;
  const onHeader = (headers: Headers): void => {
    token = headers.get(UPDATE_TOKEN_HEADER) ?? undefined;
  };
  const requestId = requestIdFor(request.invocationId);
  const invocation = await connection.retry(() =>
    connection.recorder.createInvocation({ ...request, requestId }, { onHeader }),
  );
  if (token === undefined) throw new CliError('the server answered without an update token');
  return { invocation, token };
}

/** Deterministic: the same invocation always gets the same request id. */
function requestIdFor(invocationId: string): string {
  return createHash('sha256').update(`postlude cli ${invocationId}`).digest('hex').slice(0, 32);
}

async function updateToken(source: TokenSource, invocationId: string): Promise<string> {
  const { context, given } = source;
  if (given !== undefined) return given;
  const inherited = context.env[CLIENT_VARIABLES.updateToken];
  if (inherited !== undefined && context.env[CLIENT_VARIABLES.invocation] === invocationId) {
    return inherited;
  }
  return renewToken(source.connection, invocationId);
}

/** Reads first, so that a misspelt name never makes a new invocation. */
async function renewToken(connection: Connection, invocationId: string): Promise<string> {
  const name = invocationName(invocationId);
  const invocation = await connection.retry(() => connection.resultDb.getInvocation({ name }));
  try {
    const request = { invocationId, invocation: { realm: invocation.realm } };
    return (await createWithToken(connection, request)).token;
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== Code.AlreadyExists) throw error;
    throw new CliError(
      `invocation ${invocationId} was created by another identity or client; pass its update token with --token`,
      undefined,
      { cause: error },
    );
  }
}
