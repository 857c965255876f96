/** Ends a recording: its results go to the server, or to the spool if the server is unreachable by then. */
import { rm } from 'node:fs/promises';
import { toError } from '@postlude/queue/foundations';
import type { Command } from 'commander';
import { ResultBatch } from '../../ingest/results/result-batch.ts';
import { type ArtifactSummary, sendArtifacts } from '../artifacts/upload-artifacts.ts';
import { type Connection, connect } from '../connection/connection.ts';
import { toRpcFailure } from '../connection/rpc-errors.ts';
import { CliError, EXIT } from '../context.ts';
import { serverSink } from '../reports/server-sink.ts';
import {
  type ReadReports,
  type ResultSink,
  readReports,
  sendReports,
  type Upload,
  type UploadSummary,
} from '../reports/upload-reports.ts';
import type { ReportedCounts, ReportedResults } from '../result-sink/reported-results.ts';
import { flushSpool } from '../spool/flush.ts';
import { countOf } from '../terminal/count.ts';
import { type CommandOutcome, outcomeProperties, outcomeResult } from './command-outcome.ts';
import { describeFlushed, mayComeLater, type Start } from './record-start.ts';
import type { Recording } from './recording.ts';

export interface Ending {
  readonly command: Command;
  readonly start: Start;
  readonly upload: Upload;
  readonly outcome: CommandOutcome;
  /** What the command has reported itself; undefined if it could not. */
  readonly reported: ReportedResults | undefined;
  /** True if the results may go to the spool. */
  readonly mayWait: boolean;
}

export interface Ended {
  readonly summary: UploadSummary;
  /** `undefined` if none were asked for, or if they were left out. */
  readonly artifacts?: ArtifactSummary | undefined;
  /** The path of the spool entry that the results wait in. */
  readonly spooled?: string;
}

/** Throws if the results are neither on the server nor in the spool. */
export async function endRecording(ending: Ending): Promise<Ended> {
  const { outcome, reported, start, upload } = ending;
  if (upload.patterns.length === 0 && !hasReported(reported?.counts)) {
    upload.output.warn('no --reports: only what the command uploads itself is recorded');
  }
  warnOfArtifacts(ending);
  const ended = await readAndSend(ending).catch((error) => {
    throw notUploaded(start, outcome, error);
  });
  if (ended.spooled === undefined) {
    await flushRest(ending).catch((error) => upload.output.warn(messageOf(error)));
  }
  return ended;
}

export function hasReported(counts: ReportedCounts | undefined): counts is ReportedCounts {
  return counts !== undefined && counts.results + counts.exonerations + counts.artifacts > 0;
}

function warnOfArtifacts({ reported, upload }: Ending): void {
  const artifacts = reported?.counts.artifacts ?? 0;
  if (artifacts === 0) return;
  upload.output.warn(
    `the command reported ${countOf(artifacts, 'artifact')}, which record does not upload from there: --artifacts takes files`,
  );
}

async function readAndSend(ending: Ending): Promise<Ended> {
  const { recording } = ending.start;
  const reports = await readReports(ending.upload);
  if (recording === undefined) return await spool(ending, reports);
  return await uploadOrSpool(ending, reports, recording);
}

/**
 * Writes to the spool first if we have been told to stop: we may be killed soon, and what is in the spool
 * by then is not lost.
 */
async function uploadOrSpool(
  ending: Ending,
  reports: ReadReports,
  recording: Recording,
): Promise<Ended> {
  const { mayWait, outcome, upload } = ending;
  const isHurried = mayWait && outcome.cancelledBy !== undefined;
  const kept = isHurried ? await spool(ending, reports) : undefined;
  try {
    const ended = await uploadAndEnd(ending, reports, recording);
    if (kept?.spooled) await rm(kept.spooled, { force: true });
    return ended;
  } catch (error) {
    if (!mayWait || !mayComeLater(error)) {
      if (kept?.spooled) await rm(kept.spooled, { force: true });
      throw error;
    }
    upload.output.warn(
      `${messageOf(error)}: the results are kept; "postlude flush" uploads them once the server is back`,
    );
    return kept ?? (await spool(ending, reports));
  }
}

async function uploadAndEnd(
  ending: Ending,
  reports: ReadReports,
  recording: Recording,
): Promise<Ended> {
  const { command, outcome, upload } = ending;
  const connection = connect(upload.context, command);
  const { headers, id: invocation } = recording;
  const target = { clock: upload.context.clock, connection, headers, invocation };
  const hasResults = (await ending.reported?.endUpload()) ?? false;
  const summary = await sendAll(ending, reports, { sink: serverSink(target), hasResults });
  const artifacts = await sendArtifacts(upload, { connection, headers, invocation });
  await end(connection, recording, outcome);
  return { summary, artifacts };
}

async function spool(ending: Ending, reports: ReadReports): Promise<Ended> {
  const { outcome, start, upload } = ending;
  const writer = await start.spool.write(start.server, start.plan);
  if (upload.artifacts?.length) {
    upload.output.warn('the artifacts are not kept, since the server cannot be reached');
  }
  try {
    const summary = await sendAll(ending, reports, { sink: writer, hasResults: false });
    await writer.commit(endOf(outcome));
    return { summary, spooled: writer.path };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

interface Target {
  readonly sink: ResultSink;
  /** True if it has the results that the command reported. */
  readonly hasResults: boolean;
}

async function sendAll(
  { outcome, reported, upload }: Ending,
  reports: ReadReports,
  { hasResults, sink }: Target,
): Promise<UploadSummary> {
  const summary = await sendReports(upload, reports, sink);
  await reported?.sendTo(sink, { hasResults });
  const unexpected = reported?.counts.unexpected ?? 0;
  const ofCommand = outcomeResult(outcome, { ...summary, unexpected }, upload.variant);
  if (ofCommand !== undefined) await sink.send(ResultBatch.of([ofCommand]));
  await sink.end();
  return summary;
}

async function end(
  { invocations, retry }: Connection,
  { headers, name }: Recording,
  outcome: CommandOutcome,
): Promise<void> {
  await retry(() => invocations.endInvocation({ name, ...endOf(outcome) }, { headers }));
}

function endOf(outcome: CommandOutcome) {
  return {
    cancelled: outcome.cancelledBy !== undefined,
    reason: outcome.cancelledBy ?? '',
    properties: outcomeProperties(outcome),
  };
}

/** Sends what earlier recordings have left and could not be sent before the tests. */
async function flushRest({ command, start, upload }: Ending): Promise<void> {
  const { context, output } = upload;
  const entries = await start.spool.waiting();
  if (entries.length === 0) return;
  const parts = { clock: context.clock, connection: connect(context, command), spool: start.spool };
  await flushSpool(parts, entries, (flushed) => {
    if (flushed.state === 'uploaded') output.note(describeFlushed(flushed));
    else output.warn(describeFlushed(flushed));
  });
}

function messageOf(error: unknown): string {
  return (toRpcFailure(error) ?? toError(error)).message.split('\n')[0] ?? '';
}

function notUploaded(
  { plan, recording }: Start,
  { exitCode }: CommandOutcome,
  error: unknown,
): CliError {
  return new CliError(
    `${(toRpcFailure(error) ?? toError(error)).message}\n  the command ended with ${exitCode}; what it reported is not in ${recording?.id ?? plan.id}`,
    exitCode || EXIT.error,
    { cause: error },
  );
}
