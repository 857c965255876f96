/** Makes all exports to one table again that the runs of a period have. */
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { InvalidArgumentError } from 'commander';
import { Invocation_State } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { type Export, Export_State } from '../../../gen/postlude/v1/exports_pb.js';
import type { Connection } from '../../connection/connection.ts';
import type { CliContext } from '../../context.ts';
import { CliError } from '../../context.ts';
import type { ExportTarget } from '../../new-invocation.ts';
import { countOf } from '../../terminal/count.ts';
import type { Progress } from '../../terminal/progress.ts';

export interface Period {
  readonly realm: string;
  /** Times of creation. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly table: ExportTarget;
}

export interface PeriodOutcome {
  /** How many runs of the period are over. */
  readonly runs: number;
  /** How many exports were begun again. */
  readonly begun: number;
}

const PAGE_SIZE = 500;
const POLL_MS = 2_000;

/** Parses a date or a time in ISO 8601; a date begins in UTC. */
export function parseTime(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new InvalidArgumentError('a time is like 2026-11-01 or 2026-11-01T12:00:00Z');
}

/** Begins all exports, and returns once they are begun, or once they have ended. */
export async function exportPeriod(
  { connection, context, progress }: PeriodParts,
  period: Period,
  { wait }: { readonly wait: boolean },
): Promise<PeriodOutcome> {
  const begun: (readonly [name: string, index: number])[] = [];
  let runs = 0;
  for await (const name of runsOf(connection, period)) {
    if (context.signal.aborted) throw new CliError('stopped; what was begun continues');
    runs += 1;
    for (const { destination, index, state } of await listOf(connection, name)) {
      if (!isTable(destination, period.table) || isUnderWay(state)) continue;
      await connection.retry(() => connection.exports.exportAgain({ name, index }));
      begun.push([name, index]);
    }
    progress.update(`${countOf(runs, 'run')}: ${countOf(begun.length, 'export')} begun`);
  }
  if (wait) await untilEnded({ connection, context, progress }, begun);
  return { runs, begun: begun.length };
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
    createdUntil: timestampFromMs(untilMs),
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
async function untilEnded(
  { connection, context, progress }: PeriodParts,
  begun: readonly (readonly [name: string, index: number])[],
): Promise<void> {
  const dead: string[] = [];
  for (const [at, [name, index]] of begun.entries()) {
    for (;;) {
      progress.update(`${at} of ${countOf(begun.length, 'export')} ended`);
      const found = (await listOf(connection, name)).find((each) => each.index === index);
      if (!isUnderWay(found?.state)) {
        if (found?.state === Export_State.DEAD) dead.push(name);
        break;
      }
      if (context.signal.aborted) throw new CliError('stopped; the exports continue');
      await context.clock.sleep(POLL_MS, context.signal);
    }
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
