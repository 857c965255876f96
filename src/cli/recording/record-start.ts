/**
 * Begins a recording. If the server is unreachable or rejects our calls, the tests run anyway, unless the
 * user says otherwise, and their results go to the spool.
 */
import { Code, ConnectError } from '@connectrpc/connect';
import { toError } from '@postlude/queue/foundations';
import { type Command, Option } from 'commander';
import { outputOf } from '../command.ts';
import { connect } from '../connection/connection.ts';
import { toRpcFailure } from '../connection/rpc-errors.ts';
import type { CliContext } from '../context.ts';
import { type Flushed, flushSpool } from '../spool/flush.ts';
import { Spool } from '../spool/spool.ts';
import { countOf } from '../terminal/count.ts';
import { openRecording, type Recording, type RecordingPlan } from './recording.ts';

export interface SpoolOptions {
  readonly ifUnreachable: 'run' | 'fail';
  readonly spool?: string;
}

export function addSpoolOptions(command: Command): Command {
  return addSpoolFolder(
    command.addOption(
      new Option(
        '--if-unreachable <what>',
        'if the server is unreachable or rejects our calls: run the tests and keep their results, or fail',
      )
        .choices(['run', 'fail'])
        .default('run'),
    ),
  );
}

export function addSpoolFolder(command: Command): Command {
  return command.option(
    '--spool <folder>',
    'the folder where results wait for the server ($POSTLUDE_SPOOL; .postlude/spool)',
  );
}

/** Tests wait for at most START_MS; of that, FLUSH_MS may go to what earlier recordings have left. */
const START_MS = 5_000;
const FLUSH_MS = 2_000;

export interface Start {
  readonly plan: RecordingPlan;
  readonly server: string;
  readonly spool: Spool;
  /** Undefined if the tests run without a server. */
  readonly recording?: Recording;
}

export async function startRecording(
  context: CliContext,
  command: Command,
  { plan, ...options }: SpoolOptions & { readonly plan: RecordingPlan },
): Promise<Start> {
  const spool = new Spool(context, options.spool);
  const connection = connect(context, command);
  const start = { plan, server: connection.url, spool };
  const output = outputOf(context, command);
  const spentMs = await flushBefore(context, command, spool);
  if (options.ifUnreachable === 'fail') {
    return { ...start, recording: await openRecording(connection, plan) };
  }
  try {
    const recording = await within(context, START_MS - spentMs, (limited) =>
      openRecording(connect(limited, command, { retriesQuietly: true }), plan),
    );
    return { ...start, recording };
  } catch (error) {
    if (context.signal.aborted || !mayComeLater(error)) throw error;
    output.warn(
      `${reasonOf(error)}: the command runs anyway, and its results go to ${spool.folder}; "postlude flush" uploads them`,
    );
    return start;
  }
}

/**
 * Uploads what earlier recordings have left, within FLUSH_MS, and returns how long that took. A spool that
 * cannot be read does not prevent the tests from running.
 */
async function flushBefore(context: CliContext, command: Command, spool: Spool): Promise<number> {
  const startedAt = context.clock.monotonicMs();
  const output = outputOf(context, command);
  try {
    const entries = await spool.waiting();
    if (entries.length === 0) return 0;
    await within(context, FLUSH_MS, async (limited) => {
      const connection = connect(limited, command, { retriesQuietly: true });
      const parts = { clock: context.clock, connection, spool };
      await flushSpool(parts, entries, (flushed) => {
        if (flushed.state === 'uploaded') output.note(describeFlushed(flushed));
        if (flushed.state === 'refused') output.warn(describeFlushed(flushed));
      });
    });
  } catch (error) {
    if (context.signal.aborted) throw error;
    output.warn(`${toError(error).message}: what is waiting in ${spool.folder} stays there`);
  }
  return Math.min(FLUSH_MS, context.clock.monotonicMs() - startedAt);
}

export function describeFlushed({ entry, invocation, reason, results, state }: Flushed): string {
  switch (state) {
    case 'uploaded':
      return `${invocation}: uploaded ${countOf(results ?? 0, 'result')} from the spool`;
    case 'refused':
      return `${entry} can never be uploaded: ${reason}`;
    case 'busy':
      return `another process is uploading ${entry}`;
    case 'elsewhere':
      return `${entry} is waiting: ${reason} (flush --any-server sends it here)`;
    case 'waiting':
      return `${entry} is still waiting: ${reason}`;
  }
}

/** False for a mistake of the caller, which the server would refuse tomorrow as well. */
export function mayComeLater(error: unknown): boolean {
  return error instanceof ConnectError && !MISTAKES.includes(error.code);
}

const MISTAKES = [
  Code.InvalidArgument,
  Code.NotFound,
  Code.AlreadyExists,
  Code.FailedPrecondition,
  Code.OutOfRange,
];

function reasonOf(error: unknown): string {
  if (error instanceof ConnectError && error.code === Code.Canceled) {
    return `the server did not answer within ${START_MS / 1000} s`;
  }
  return toRpcFailure(error)?.message.split('\n')[0] ?? '';
}

/** Runs `fn` with a context whose signal also aborts after `ms`. */
export async function within<T>(
  context: CliContext,
  ms: number,
  fn: (limited: CliContext) => Promise<T>,
): Promise<T> {
  const [done, overdue] = [new AbortController(), new AbortController()];
  const timer = context.clock.sleep(ms, done.signal).then(() => {
    if (!done.signal.aborted) overdue.abort();
  });
  const signal = AbortSignal.any([context.signal, overdue.signal]);
  try {
    return await fn({ ...context, signal });
  } finally {
    done.abort();
    await timer;
  }
}
