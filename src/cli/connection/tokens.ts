/**
 * Update tokens: a client that holds one may change the invocation it was made for. Users rarely handle
 * them. If the same identity opens an invocation again, nothing changes and the server returns a fresh
 * token, so any job of a pipeline can continue an invocation that another job began.
 */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Invocation } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import type {
  OpenInvocationRequestSchema,
  OpenInvocationResponse,
} from '../../gen/postlude/v1/invocations_pb.js';
import { CLIENT_VARIABLES } from '../../server/config/client-variables.ts';
import { UPDATE_TOKEN_HEADER } from '../../services/shared/call-context.ts';
import { type CliContext, CliError, EXIT } from '../context.ts';
import { invocationName } from '../invocation-argument.ts';
import type { Connection } from './connection.ts';
import { isHeaderText } from './header-text.ts';

export interface OpenedInvocation extends Pick<OpenInvocationResponse, 'attempt' | 'superseded'> {
  readonly invocation: Invocation;
  readonly token: string;
}

export interface TokenSource {
  readonly context: CliContext;
  readonly connection: Connection;
  /** `--token`, if it was given. */
  readonly given: string | undefined;
}

/** Returns the headers that authorize a change of `invocationId`. */
export async function updateHeaders(
  source: TokenSource,
  invocationId: string,
): Promise<Record<string, string>> {
  const token = (await updateToken(source, invocationId)).trim();
  if (isHeaderText(token)) return { [UPDATE_TOKEN_HEADER]: token };
  throw new CliError(
    'the update token is not one: it holds a space, a line break or the like',
    EXIT.badInput,
  );
}

/** Opens an invocation. It is safe to repeat, with a recorder or without. */
export async function openWithToken(
  connection: Connection,
  request: MessageInitShape<typeof OpenInvocationRequestSchema>,
): Promise<OpenedInvocation> {
  let token: string | undefined;
  const onHeader = (headers: Headers): void => {
    token = headers.get(UPDATE_TOKEN_HEADER) ?? undefined;
  };
  const { attempt, invocation, superseded } = await connection.retry(() =>
    connection.invocations.openInvocation(request, { onHeader }),
  );
  if (token === undefined || invocation === undefined) {
    throw new CliError('the server returned no invocation, or no update token for it');
  }
  return { attempt, invocation, superseded, token };
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

const ATTEMPT_SUFFIX = /\.attempt-\d+$/;

/** Reads the invocation first, so that a misspelt name never creates a new one. */
async function renewToken(connection: Connection, id: string): Promise<string> {
  const name = invocationName(id);
  const { realm } = await connection.retry(() => connection.resultDb.getInvocation({ name }));
  const invocationId = id.replace(ATTEMPT_SUFFIX, '');
  const opened = await openWithToken(connection, { invocationId, realm }).catch((error) => {
    throw isDenied(error) ? belongsToAnother(id, error) : error;
  });
  if (opened.invocation.name === name) return opened.token;
  throw new CliError(`${id} is no longer the newest attempt: that is ${opened.invocation.name}`);
}

function isDenied(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.PermissionDenied;
}

function belongsToAnother(id: string, cause: unknown): CliError {
  return new CliError(
    `invocation ${id} was created by another identity or client; pass its update token with --token`,
    undefined,
    { cause },
  );
}
