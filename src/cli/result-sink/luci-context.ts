/**
 * The file that the variable LUCI_CONTEXT names. It tells programs of LUCI where they run: the section
 * `result_sink` says where to report results, and `resultdb` says which invocation these end up in.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { CliError, EXIT } from '../context.ts';

export const LUCI_CONTEXT = 'LUCI_CONTEXT';

export interface SinkAddress {
  readonly address: string;
  readonly token: string;
}

export interface CurrentInvocation {
  /** The URL of the server. */
  readonly server: string;
  readonly name: string;
  readonly updateToken: string;
}

export interface ContextSections {
  readonly sink: SinkAddress;
  /** Undefined if the run has no invocation yet: an inherited one is not the one of this run. */
  readonly invocation: CurrentInvocation | undefined;
}

/** Writes the inherited context with our two sections to a new file. */
export async function writeLuciContext(
  path: string,
  inherited: string | undefined,
  { invocation, sink }: ContextSections,
): Promise<void> {
  const { resultdb: _, ...others } = await readContext(inherited);
  const context = {
    ...others,
    result_sink: { address: sink.address, auth_token: sink.token },
    ...(invocation && { resultdb: resultDbOf(invocation) }),
  };
  await writeFile(path, JSON.stringify(context), { flag: 'wx', mode: 0o600 });
}

function resultDbOf({ name, server, updateToken }: CurrentInvocation) {
  return {
    hostname: new URL(server).host,
    current_invocation: { name, update_token: updateToken },
  };
}

/** Its other sections are kept, so one that cannot be read would be lost without a word. */
async function readContext(path: string | undefined): Promise<Record<string, unknown>> {
  if (path === undefined || path === '') return {};
  const context = await parse(path).catch((error: Error) => {
    throw unreadable(path, error.message, error);
  });
  if (typeof context === 'object' && context !== null && !Array.isArray(context)) {
    return context as Record<string, unknown>;
  }
  throw unreadable(path, 'it holds no object');
}

async function parse(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}

function unreadable(path: string, reason: string, cause?: unknown): CliError {
  const problem = `${LUCI_CONTEXT} names ${path}, which cannot be read: ${reason}`;
  return new CliError(problem, EXIT.badInput, { cause });
}
