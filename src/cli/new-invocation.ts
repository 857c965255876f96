/** Opens invocations for `create` and `record`, which share the options for that. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { randomHex } from '@postlude/queue/foundations';
import { type Command, InvalidArgumentError } from 'commander';
import { parseTableName } from '../exporter/sinks/name-pattern.ts';
import type { OpenInvocationRequestSchema } from '../gen/postlude/v1/invocations_pb.js';
import { CLIENT_VARIABLES } from '../server/config/client-variables.ts';
import { contextTags } from './ci/read-context.ts';
import type { Connection } from './connection/connection.ts';
import { type OpenedInvocation, openWithToken } from './connection/tokens.ts';
import type { CliContext } from './context.ts';
import { collectInvocation, invocationName } from './invocation-argument.ts';
import { parseDuration } from './option-values.ts';

export interface NewInvocationOptions {
  readonly realm?: string;
  readonly include?: readonly string[];
  readonly export?: readonly ExportTarget[];
  readonly tag?: readonly StringPair[];
  readonly deadline?: number;
}

export interface StringPair {
  readonly key: string;
  readonly value: string;
}

export interface ExportTarget {
  readonly project: string;
  readonly dataset: string;
  readonly table: string;
}

export const DEFAULT_REALM = 'local:ci';

export function addNewInvocationOptions(command: Command): Command {
  return command
    .option('--realm <project:realm>', `its realm ($POSTLUDE_REALM; ${DEFAULT_REALM})`)
    .option('--include <id>', 'an invocation that it includes (repeatable)', collectInvocation)
    .option(
      '--export <p.d.t>',
      'export it to project.dataset.table once it is over (repeatable)',
      collectTarget,
    )
    .option(
      '--tag <key:value>',
      'a tag (repeatable); in a CI job, ci/branch and others are set unless you give them',
      collectPair,
    )
    .option('--deadline <duration>', 'how long it may stay open: 90m, 6h, 2d', parseDuration);
}

/** Returns a random id. Ids that begin with `u-` need no special permission. */
export function generatedInvocationId(): string {
  return `u-${randomHex(8)}`;
}

export type OpenRequest = MessageInitShape<typeof OpenInvocationRequestSchema>;

export interface NewInvocation {
  readonly id: string;
  readonly options: NewInvocationOptions;
  /** The fields that only one of the two commands sets. */
  readonly more: Partial<OpenRequest>;
}

export async function openInvocation(
  context: CliContext,
  connection: Connection,
  invocation: NewInvocation,
): Promise<OpenedInvocation> {
  return await openWithToken(connection, openRequest(context.env, invocation));
}

/** Builds the request that `openInvocation` sends. */
export function openRequest(
  env: CliContext['env'],
  { id, more, options }: NewInvocation,
): OpenRequest {
  const { deadline } = options;
  return {
    invocationId: id,
    realm: options.realm ?? env[CLIENT_VARIABLES.realm] ?? DEFAULT_REALM,
    includedInvocations: (options.include ?? []).map(invocationName),
    tags: [...(options.tag ?? [])],
    contextTags: contextTags(env, options.tag ?? []),
    bigqueryExports: (options.export ?? []).map((target) => ({ ...target, testResults: {} })),
    ...(deadline === undefined ? {} : { deadline: durationFromMs(deadline) }),
    ...more,
  } as OpenRequest;
}

/** Parses and collects repeatable `key:value` options. */
export function collectPair(
  text: string,
  previous: readonly StringPair[] = [],
): readonly StringPair[] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError('must be key:value');
  return [...previous, { key: text.slice(0, colon), value: text.slice(colon + 1) }];
}

/** Parses and collects repeatable `project.dataset.table` options. */
export function collectTarget(
  text: string,
  previous: readonly ExportTarget[] = [],
): readonly ExportTarget[] {
  try {
    return [...previous, parseTableName(text)];
  } catch {
    throw new InvalidArgumentError('an export goes to project.dataset.table');
  }
}
