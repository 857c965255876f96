/** Creates invocations for `create` and `record`, which take the same options for it. */

import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type Command, InvalidArgumentError } from 'commander';
import { Invocation_State } from '../gen/luci/resultdb/v1/invocation_pb.js';
import { randomHex } from '../random.ts';
import { CLIENT_VARIABLES } from '../server/client-variables.ts';
import type { Connection } from './connection.ts';
import type { CliContext } from './context.ts';
import { collectInvocation, invocationName } from './invocation-argument.ts';
import { parseDuration } from './option-values.ts';
import { type CreatedInvocation, createWithToken } from './tokens.ts';

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

const DEFAULT_REALM = 'local:ci';

export function addNewInvocationOptions(command: Command): Command {
  return command
    .option('--realm <project:realm>', `where it belongs ($POSTLUDE_REALM; ${DEFAULT_REALM})`)
    .option('--include <id>', 'an invocation that it includes (repeatable)', collectInvocation)
    .option(
      '--export <p.d.t>',
      'export to project.dataset.table once it is over (repeatable)',
      collectTarget,
    )
    .option('--tag <key:value>', 'a tag (repeatable)', collectPair)
    .option('--deadline <duration>', 'how long it may stay open: 90m, 6h, 2d', parseDuration);
}

/** Users' own ids are free; `u-…` ids need no special permission. */
export function generatedInvocationId(): string {
  return `u-${randomHex(8)}`;
}

/** Safe to repeat: the same id, from the same identity, answers the invocation that exists. */
export async function createInvocation(
  context: CliContext,
  connection: Connection,
  request: {
    readonly id: string;
    readonly options: NewInvocationOptions;
    readonly finalize: boolean;
  },
): Promise<CreatedInvocation> {
  const { id, options, finalize } = request;
  const { deadline } = options;
  const invocation = {
    realm: options.realm ?? context.env[CLIENT_VARIABLES.realm] ?? DEFAULT_REALM,
    state: finalize ? Invocation_State.FINALIZING : Invocation_State.ACTIVE,
    includedInvocations: (options.include ?? []).map(invocationName),
    tags: [...(options.tag ?? [])],
    bigqueryExports: (options.export ?? []).map((target) => ({ ...target, testResults: {} })),
    ...(deadline === undefined
      ? {}
      : { deadline: timestampFromMs(context.clock.now() + deadline) }),
  };
  return await createWithToken(connection, { invocationId: id, invocation });
}

/** For repeatable `key:value` options. */
export function collectPair(
  text: string,
  previous: readonly StringPair[] = [],
): readonly StringPair[] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError('must be key:value');
  return [...previous, { key: text.slice(0, colon), value: text.slice(colon + 1) }];
}

/** A project may be one of a domain: `example.com:ci`. Datasets and tables have no dots. */
const TARGET = /^((?:[^:]+:)?[^.:]+)\.([^.:]+)\.([^.:]+)$/;

/** For repeatable `project.dataset.table` options. */
export function collectTarget(
  text: string,
  previous: readonly ExportTarget[] = [],
): readonly ExportTarget[] {
  const [, project, dataset, table] = TARGET.exec(text) ?? [];
  if (project === undefined || dataset === undefined || table === undefined) {
    throw new InvalidArgumentError('an export goes to project.dataset.table');
  }
  return [...previous, { project, dataset, table }];
}
