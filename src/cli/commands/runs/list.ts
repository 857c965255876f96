import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { Clock } from '@postlude/queue/foundations';
import { Command, InvalidArgumentError } from 'commander';
import { Invocation_State } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import type { ListedInvocation } from '../../../gen/postlude/v1/invocations_pb.js';
import { CLIENT_VARIABLES } from '../../../server/config/client-variables.ts';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { type Connection, connect } from '../../connection/connection.ts';
import type { CliContext } from '../../context.ts';
import { invocationId } from '../../invocation-argument.ts';
import { collectPair, DEFAULT_REALM, type StringPair } from '../../new-invocation.ts';
import { parseDuration, parseLimit } from '../../option-values.ts';
import { describeEnding, endValue, isoTime } from '../../terminal/describe.ts';
import { ageOf } from '../../terminal/duration.ts';
import type { Lines, Output } from '../../terminal/output.ts';

interface ListOptions {
  readonly realm?: string;
  readonly state?: Invocation_State;
  readonly overdue?: boolean;
  readonly tag?: readonly StringPair[];
  /** In milliseconds. */
  readonly newer?: number;
  readonly older?: number;
  readonly limit: number;
}

const PAGE_SIZE = 1_000;

const MORE = `
Overdue invocations (still ACTIVE after their time is up) come first, then the newest. With --state
active, they are in the order in which the server will end them.`;

export const listCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('list')
      .description('list the invocations of a realm: overdue ones, then the newest')
      .option('--realm <project:realm>', `the realm ($POSTLUDE_REALM; ${DEFAULT_REALM})`)
      .option('--state <state>', 'only those that are active, finalizing or finalized', parseState)
      .option('--overdue', 'only those that are still ACTIVE after their time is up')
      .option('--tag <key:value>', 'only those with this tag (repeatable)', collectPair)
      .option(
        '--newer <duration>',
        'only those created less than this long ago: 90m, 6h, 2d',
        parseDuration,
      )
      .option('--older <duration>', 'only those created more than this long ago', parseDuration)
      .option('--limit <n>', 'how many to list at most', parseLimit, 50)
      .addHelpText('after', MORE),
  ).action(async (options: ListOptions, command: Command) => {
    const connection = connect(context, command);
    const output = outputOf(context, command);
    const found: ListedInvocation[] = [];
    for await (const invocation of invocationsOf(context, connection, options)) {
      if (!output.hasReader) return;
      if (output.isJson) output.result(listedValue(invocation), () => '');
      if (found.push(invocation) === options.limit) break;
    }
    if (!output.isJson) output.result(found, () => describe(output, found, context.clock));
  });

function parseState(text: string): Invocation_State {
  const states: Readonly<Record<string, Invocation_State>> = {
    active: Invocation_State.ACTIVE,
    finalizing: Invocation_State.FINALIZING,
    finalized: Invocation_State.FINALIZED,
  };
  const state = states[text.toLowerCase()];
  if (state === undefined)
    throw new InvalidArgumentError('a state is active, finalizing or finalized');
  return state;
}

/** Yields the overdue invocations first, and each invocation once. */
async function* invocationsOf(
  context: CliContext,
  connection: Connection,
  options: ListOptions,
): AsyncGenerator<ListedInvocation> {
  const { limit, newer, older, overdue = false, state, tag } = options;
  const now = context.clock.now();
  const request = {
    realm: options.realm ?? context.env[CLIENT_VARIABLES.realm] ?? DEFAULT_REALM,
    tags: [...(tag ?? [])],
    ...(newer === undefined ? {} : { createdFrom: timestampFromMs(now - newer) }),
    ...(older === undefined ? {} : { createdUntil: timestampFromMs(now - older) }),
    pageSize: Math.min(limit, PAGE_SIZE),
  };
  const rest = { ...request, ...(state === undefined ? {} : { state }) };
  const first = new Set<string>();
  if (overdue || state === undefined) {
    for await (const invocation of pagesOf(connection, { ...rest, overdue: true })) {
      first.add(invocation.name);
      yield invocation;
    }
  }
  if (overdue) return;
  for await (const invocation of pagesOf(connection, rest)) {
    if (!first.has(invocation.name)) yield invocation;
  }
}

async function* pagesOf(
  { invocations }: Connection,
  request: Parameters<Connection['invocations']['listInvocations']>[0],
): AsyncGenerator<ListedInvocation> {
  let pageToken = '';
  do {
    const page = await invocations.listInvocations({ ...request, pageToken });
    yield* page.invocations;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

function listedValue(invocation: ListedInvocation) {
  const { attempt, createdBy, isExpected, isOverdue, lastAttempt, realm, state } = invocation;
  return {
    invocation: invocationId(invocation.name),
    state: Invocation_State[state],
    realm,
    createdBy,
    attempt,
    lastAttempt,
    createTime: isoTime(invocation.createTime),
    finalizeTime: isoTime(invocation.finalizeTime),
    ...(state === Invocation_State.ACTIVE
      ? { activeUntil: isoTime(invocation.activeUntil), isOverdue }
      : {}),
    ...(isExpected ? { isExpected } : {}),
    ...endValue(invocation),
    tags: invocation.tags.map(({ key, value }) => ({ key, value })),
  };
}

function describe(output: Output, found: readonly ListedInvocation[], clock: Clock): Lines {
  if (found.length === 0) return 'none';
  const now = clock.now();
  const rows = found.map((one) => [
    invocationId(one.name),
    stateOf(output, one),
    ageOf(one.createTime, now),
    endOf(one, now),
    one.tags.map(({ key, value }) => `${key}:${value}`).join(' '),
  ]);
  return output.table([['INVOCATION', 'STATE', 'AGE', 'END', 'TAGS'], ...rows]);
}

function stateOf(output: Output, { isExpected, isOverdue, state }: ListedInvocation): string {
  if (isOverdue) return output.style('red', 'OVERDUE');
  return isExpected ? 'EXPECTED' : (Invocation_State[state] ?? '');
}

/** Says when the server will end the invocation or, if someone other than its owner ended it, how. */
function endOf(invocation: ListedInvocation, now: number): string {
  const { activeUntil, isOverdue, state } = invocation;
  if (state !== Invocation_State.ACTIVE) return describeEnding(invocation) ?? '';
  const text = ageOf(activeUntil, now);
  return isOverdue ? `${text} ago` : `in ${text}`;
}
