/** Makes all exports to one table again that the runs of a period have. */
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { InvalidArgumentError } from 'commander';
import { Invocation_State } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import {
  type Export,
  Export_State,
  type ExportPeriodResponse,
} from '../../../gen/postlude/v1/exports_pb.js';
import type { Connection } from '../../connection/connection.ts';
import type { CliContext } from '../../context.ts';
import { CliError } from '../../context.ts';
import type { ExportTarget } from '../../new-invocation.ts';
import { countOf } from '../../terminal/count.ts';
import { isoTime } from '../../terminal/describe.ts';
import type { Progress } from '../../terminal/progress.ts';

export interface Period {
  readonly realm: string;
  /** Times of creation. */
  readonly fromMs: number;
  /** The time at which the batch was begun unless given. */
  readonly untilMs: number | undefined;
  readonly table: ExportTarget;
}

export interface PeriodOutcome {
  /** How many runs of the period are over. */
  readonly runs: number;
  /** How many exports were begun again. */
  readonly begun: number;
  /** How many exports cannot be made again. */
  readonly refused: number;
  /** The period ends here. */
  readonly until: string;
  /** When the batch was begun that this command went on with. */
  readonly resumed?: string;
}

const PAGE_SIZE = 500;
const POLL_MS = 2_000;

/** Parses a date or a time in ISO 8601; a date begins in UTC. */
export function parseTime(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new InvalidArgumentError('a time is like 2026-11-01 or 2026-11-01T12:00:00Z');
}

/**
 * Begins all exports, and returns once they are begun, or once they have ended. If an earlier command with the
 * same period was interrupted, it goes on where that was.
 */
export async function exportPeriod(
  parts: PeriodParts,
  period: Period,
  { wait }: { readonly wait: boolean },
): Promise<PeriodOutcome> {
  const { connection, context, progress } = parts;
  const conditions = conditionsOf(period);
  const call = (batch: string) =>
    connection.retry(() => connection.exports.exportPeriod({ ...conditions, batch }));
  const opened = await call('');
  let batch = opened;
  while (!batch.isDone) {
    if (context.signal.aborted) throw new CliError(`stopped; ${GOES_ON}`);
    batch = await call(batch.batch);
    progress.update(describeProgress(batch));
  }
  const until = batch.createdUntil && timestampMs(batch.createdUntil);
  if (wait) await untilEnded(parts, { ...period, untilMs: until });
  return {
    runs: Number(batch.runs),
    begun: Number(batch.begun),
    refused: Number(batch.refused),
    until: isoTime(batch.createdUntil) ?? '',
    ...(opened.position === undefined ? {} : { resumed: isoTime(opened.startTime) ?? '' }),
  };
}

const GOES_ON = 'what was begun continues, and the same command goes on with the rest';

export function describePeriod({ begun, refused, resumed, runs }: PeriodOutcome): string[] {
  const counts = `${countOf(runs, 'run')}: ${countOf(begun, 'export')} begun again`;
  const shared = 'refused, as their runs have several to this table';
  return [
    refused === 0 ? counts : `${counts}, ${refused} ${shared}`,
    ...(resumed === undefined
      ? []
      : [`went on with what was begun at ${resumed}: call it again for runs since then`]),
  ];
}

function describeProgress({ begun, position, refused, runs }: ExportPeriodResponse): string {
  const parts = [
    `${countOf(Number(runs), 'run')}: ${countOf(Number(begun), 'export')} begun again`,
    refused > 0 ? `${refused} refused` : undefined,
    position && `back to ${isoTime(position)}`,
  ];
  return parts.filter(Boolean).join(', ');
}

function conditionsOf({ fromMs, realm, table, untilMs }: Period) {
  return {
    ...table,
    realm,
    createdFrom: timestampFromMs(fromMs),
    ...(untilMs === undefined ? {} : { createdUntil: timestampFromMs(untilMs) }),
  };
}

interface PeriodParts {
  readonly connection: Connection;
  readonly context: CliContext;
  readonly progress: Progress;
}

async function* runsOf(
  { invocations, retry }: Connection,
  { fromMs, realm, untilMs }: Period,
): AsyncGenerator<string> {
  const request = {
    realm,
    state: Invocation_State.FINALIZED,
    createdFrom: timestampFromMs(fromMs),
    ...(untilMs === undefined ? {} : { createdUntil: timestampFromMs(untilMs) }),
    pageSize: PAGE_SIZE,
  };
  let pageToken = '';
  do {
    const page = await retry(() => invocations.listInvocations({ ...request, pageToken }));
    for (const { name } of page.invocations) yield name;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

/** Throws if one of them is dead in the end. */
async function untilEnded(parts: PeriodParts, period: Period): Promise<void> {
  const { connection, context, progress } = parts;
  const dead: string[] = [];
  let ended = 0;
  for await (const name of runsOf(connection, period)) {
    for (;;) {
      progress.update(`the exports of ${countOf(ended, 'run')} have ended`);
      const all = await listOf(connection, name);
      const own = all.filter(({ destination }) => isTable(destination, period.table));
      if (!own.some(({ state }) => isUnderWay(state))) {
        if (own.some(({ state }) => state === Export_State.DEAD)) dead.push(name);
        break;
      }
      if (context.signal.aborted) throw new CliError('stopped; the exports continue');
      await context.clock.sleep(POLL_MS, context.signal);
    }
    ended += 1;
  }
  if (dead.length > 0) throw new CliError(`dead: ${dead.join(', ')}`);
}

async function listOf({ exports, retry }: Connection, name: string): Promise<Export[]> {
  return (await retry(() => exports.listExports({ name }))).exports;
}

function isTable(destination: Export['destination'], table: ExportTarget): boolean {
  return (
    destination?.project === table.project &&
    destination.dataset === table.dataset &&
    destination.table === table.table
  );
}

function isUnderWay(state: Export_State | undefined): boolean {
  return state === Export_State.WAITING || state === Export_State.PENDING;
}
