/**
 * ResultSink for the command that `record` runs: programs that report results to LUCI's `rdb stream` find an
 * address and a token in LUCI_CONTEXT, and report here instead.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CodedError } from '@postlude/queue/foundations';
import type { Command } from 'commander';
import { connect } from '../connection/connection.ts';
import type { CliContext } from '../context.ts';
import type { Start } from '../recording/record-start.ts';
import { serverSink } from '../reports/server-sink.ts';
import { LUCI_CONTEXT, writeLuciContext } from './luci-context.ts';
import { ReportedResults } from './reported-results.ts';
import type { SinkRules } from './sink-options.ts';
import { openSinkServer, type SinkServer } from './sink-server.ts';
import { createSink, type SinkParts } from './sink-service.ts';

export interface ResultSinkParts {
  /** Its signal does not abort when the command is stopped: what it still reports counts. */
  readonly context: CliContext;
  readonly command: Command;
  readonly start: Start;
  readonly rules: SinkRules;
}

/** One run's ResultSink. */
export class RunningSink {
  readonly reported: ReportedResults;
  readonly #server: SinkServer;
  readonly #folder: string;

  constructor(reported: ReportedResults, server: SinkServer, folder: string) {
    this.reported = reported;
    this.#server = server;
    this.#folder = folder;
  }

  /** The variable that the command finds the sink by. */
  get env(): Readonly<Record<string, string>> {
    return { [LUCI_CONTEXT]: contextPath(this.#folder) };
  }

  /** Takes no more reports. What was reported is kept. */
  stopServing(): Promise<void> {
    return this.#server.close();
  }

  async remove(): Promise<void> {
    await this.reported.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export async function openResultSink(parts: ResultSinkParts): Promise<RunningSink> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-sink-'));
  try {
    return await openIn(folder, parts);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function openIn(folder: string, parts: ResultSinkParts): Promise<RunningSink> {
  const { clock, env, secrets } = parts.context;
  const { recorder } = parts.start.plan;
  const live = liveSink(parts);
  const reported = await ReportedResults.open({ clock, folder, recorder, live });
  const { rules } = parts;
  const methods = createSink({ clock, reported, rules, update: updater(parts) });
  const server = await openSinkServer(methods);
  secrets.add(server.token);
  const { recording, server: url } = parts.start;
  const invocation = recording && {
    server: url,
    name: recording.name,
    updateToken: recording.token,
  };
  const running = new RunningSink(reported, server, folder);
  try {
    const sections = { sink: server, invocation };
    await writeLuciContext(contextPath(folder), env[LUCI_CONTEXT], sections);
  } catch (error) {
    await running.stopServing();
    await running.remove();
    throw error;
  }
  return running;
}

function contextPath(folder: string): string {
  return join(folder, 'luci_context.json');
}

function liveSink({ command, context, start: { recording } }: ResultSinkParts) {
  if (recording === undefined) return undefined;
  const connection = connect(context, command, { retriesQuietly: true });
  const { headers, id: invocation } = recording;
  return serverSink({ clock: context.clock, connection, headers, invocation });
}

/** An adapter waits for the outcome, so nothing is kept for a server that is away. */
function updater({ command, context, start: { recording } }: ResultSinkParts): SinkParts['update'] {
  return async (extendedProperties, paths) => {
    if (recording === undefined) {
      const problem = 'the server is unreachable, so properties of the run cannot be changed';
      throw new CodedError('unavailable', problem);
    }
    const { headers, name } = recording;
    const { recorder, retry } = connect(context, command, { retriesQuietly: true });
    const invocation = { name, extendedProperties: { ...extendedProperties } };
    const request = { invocation, updateMask: { paths: [...paths] } };
    const updated = await retry(() => recorder.updateInvocation(request, { headers }));
    return updated.extendedProperties;
  };
}
