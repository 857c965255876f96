/**
 * Makes the exports again that the invocations of a period have to one table, a page of invocations with each
 * call. A batch that was interrupted goes on where it was.
 */
import { create } from '@bufbuild/protobuf';
import { CodedError, type EpochMs, hasCode } from '@postlude/queue/foundations';
import type { Reader } from '@postlude/queue/storage';
import {
  type ExportAsked,
  isSameTable,
  isTableShared,
  readWantedExports,
} from '../../exporter/export-requests.ts';
import { identifyExport } from '../../exporter/exporter.ts';
import {
  type Period,
  type PeriodProgress,
  readPeriod,
  writePeriod,
} from '../../exporter/requests/export-periods.ts';
import {
  type ExportPeriodRequest,
  type ExportPeriodResponse,
  ExportPeriodResponseSchema,
} from '../../gen/postlude/v1/exports_pb.js';
import type { Invocation } from '../../invocations/invocation.ts';
import { readInvocations } from '../../invocations/invocations.ts';
import { listRealm, type RealmPage } from '../../invocations/realm-list.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField, invalid, requireMatch } from '../shared/field.ts';
import { pageSize } from '../shared/page.ts';
import { requirePermission, rootRealm } from '../shared/permissions.ts';
import { fromTimestamp, toTimestamp } from '../shared/timestamp.ts';
import { beginAgain } from './begin-again.ts';
import type { ExportsParts } from './parts.ts';

/** Each page is one transaction. */
const PAGES = { defaultSize: 50, maxSize: 200 };
const REALM = /^[^:]+:[^:]+$/;

export async function exportPeriod(
  parts: ExportsParts,
  request: ExportPeriodRequest,
  { caller }: CallContext,
): Promise<ExportPeriodResponse> {
  const period = periodOf(request);
  const { realm } = period;
  const { authorizer } = parts;
  await requirePermission(authorizer, caller, { permission: 'resultdb.invocations.get', realm });
  await requirePermission(authorizer, caller, {
    permission: 'resultdb.invocations.exportToBigQuery',
    realm: rootRealm(realm),
  });
  if (request.batch === '') return toMessage(await openBatch(parts, period));
  const progress = await parts.db.read((tx) => readPeriod(tx, period));
  if (progress === undefined || batchOf(progress) !== request.batch) {
    throw new CodedError('failed-precondition', `batch: ${request.batch} is not the newest one`);
  }
  if (progress.doneTime !== undefined) return toMessage(progress);
  const limit = pageSize(request.pageSize, PAGES);
  return toMessage(await goOn(parts, period, { progress, limit }));
}

/** Returns the batch that is not done, or a new one. */
async function openBatch({ clock, db }: ExportsParts, period: Period): Promise<PeriodProgress> {
  return await db.write(async (tx) => {
    const last = await readPeriod(tx, period);
    if (last && last.doneTime === undefined) return last;
    const startTime = Math.round(clock.now());
    const until = period.until ?? startTime;
    const opened = { startTime, until, position: undefined, doneTime: undefined };
    const progress = { ...opened, runs: 0, begun: 0, refused: 0 };
    await writePeriod(tx, period, progress);
    return progress;
  });
}

interface Going {
  readonly progress: PeriodProgress;
  readonly limit: number;
}

async function goOn(
  parts: ExportsParts,
  period: Period,
  { limit, progress }: Going,
): Promise<PeriodProgress> {
  const { clock, db, queue } = parts;
  const { page, exports } = await db.read((tx) => readPage(tx, period, { limit, progress }));
  const possible: Found[] = [];
  for (const found of exports) if (await canBeginAgain(parts, found)) possible.push(found);
  return await db.write(async (tx) => {
    const now = await readPeriod(tx, period);
    // Another call has gone on meanwhile.
    if (now === undefined || !isSamePlace(now, progress)) return now ?? progress;
    let begun = 0;
    for (const { invocation, wanted } of possible) {
      const next = { invocationId: invocation.id, wanted, requestTime: clock.now() };
      if (await beginAgain(queue, tx, next)) begun++;
    }
    const moved = {
      ...now,
      position: page.next ?? now.position,
      runs: now.runs + page.invocations.length,
      begun: now.begun + begun,
      refused: now.refused + exports.length - possible.length,
      doneTime: page.next === undefined ? clock.now() : undefined,
    };
    await writePeriod(tx, period, moved);
    return moved;
  });
}

interface Found {
  readonly invocation: Invocation;
  readonly wanted: ExportAsked;
  readonly isShared: boolean;
}

async function readPage(
  reader: Reader,
  { from, realm, table }: Period,
  { limit, progress }: Going,
): Promise<{ readonly page: RealmPage; readonly exports: readonly Found[] }> {
  const page = await listRealm(reader, {
    realm,
    state: 'FINALIZED',
    createdFrom: from,
    createdUntil: progress.until,
    after: progress.position,
    limit,
  });
  const invocations = await readInvocations(
    reader,
    page.invocations.map(({ id }) => id),
  );
  const exports: Found[] = [];
  for (const invocation of invocations.values()) {
    const all = await readWantedExports(reader, invocation);
    const own = all.filter(({ destination }) => isSameTable(destination, table));
    exports.push(
      ...own.map((wanted) => ({ invocation, wanted, isShared: isTableShared(all, wanted) })),
    );
  }
  return { page, exports };
}

async function canBeginAgain(
  { sink }: ExportsParts,
  { invocation, isShared, wanted }: Found,
): Promise<boolean> {
  const next = { ...wanted, generation: wanted.generation + 1, isShared };
  try {
    await sink.checkAgain?.(identifyExport(invocation, next));
    return true;
  } catch (error) {
    if (hasCode(error, 'failed-precondition')) return false;
    throw error;
  }
}

function isSamePlace(one: PeriodProgress, other: PeriodProgress): boolean {
  return (
    one.startTime === other.startTime &&
    one.doneTime === other.doneTime &&
    one.position?.id === other.position?.id &&
    one.position?.time === other.position?.time
  );
}

function periodOf({ createdFrom, createdUntil, ...request }: ExportPeriodRequest): Period {
  const { dataset, project, table } = request;
  for (const [field, value] of Object.entries({ project, dataset, table })) {
    if (value === '') throw invalid(`${field}: must be set`);
  }
  if (createdFrom === undefined) throw invalid('created_from: must be set');
  return {
    realm: inField('realm', () => requireMatch(request.realm, REALM)),
    from: timeOf('created_from', createdFrom),
    until: createdUntil && timeOf('created_until', createdUntil),
    table: { project, dataset, table },
  };
}

function timeOf(field: string, time: NonNullable<ExportPeriodRequest['createdFrom']>): EpochMs {
  return inField(field, () => fromTimestamp(time));
}

function batchOf({ startTime }: PeriodProgress): string {
  return String(Math.round(startTime));
}

function toMessage(progress: PeriodProgress): ExportPeriodResponse {
  const { begun, doneTime, position, refused, runs, startTime, until } = progress;
  return create(ExportPeriodResponseSchema, {
    batch: batchOf(progress),
    startTime: toTimestamp(startTime),
    createdUntil: toTimestamp(until),
    runs: BigInt(runs),
    begun: BigInt(begun),
    refused: BigInt(refused),
    isDone: doneTime !== undefined,
    ...(position && { position: toTimestamp(position.time) }),
  });
}
