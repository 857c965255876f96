/**
 * How far the exports of a whole period have been begun again. The position moves on in the transaction that
 * begins the exports, so a caller that was interrupted goes on where it was: no export begins twice, and none
 * is left out. A period is known by its conditions, so it is found by the same command.
 */
import { hash } from 'node:crypto';
import type { EpochMs } from '@postlude/queue/foundations';
import {
  int,
  nullable,
  type Reader,
  type Row,
  type Transaction,
  table,
  text,
  timestamp,
} from '@postlude/queue/storage';
import type { InvocationId } from '../../invocations/id.ts';
import type { ListPosition } from '../../invocations/realm-list.ts';
import type { TableName } from '../export-requests.ts';

export const exportPeriods = table(
  'export_periods',
  {
    periodId: text,
    startTime: timestamp,
    untilTime: timestamp,
    positionTime: nullable(timestamp),
    positionId: nullable(text),
    runs: int,
    begun: int,
    refused: int,
    doneTime: nullable(timestamp),
  },
  ['periodId'],
);

export interface Period {
  readonly realm: string;
  /** Times of creation. */
  readonly from: EpochMs;
  /** The time of the first call unless given. */
  readonly until: EpochMs | undefined;
  readonly table: TableName;
}

export interface PeriodProgress {
  readonly startTime: EpochMs;
  readonly until: EpochMs;
  /** The last invocation that was looked at. */
  readonly position: ListPosition | undefined;
  /** How many invocations of the period are over. */
  readonly runs: number;
  readonly begun: number;
  /** How many exports cannot be made again. */
  readonly refused: number;
  readonly doneTime: EpochMs | undefined;
}

export async function readPeriod(
  reader: Reader,
  period: Period,
): Promise<PeriodProgress | undefined> {
  const key = { periodId: idOf(period) };
  const [row] = await reader.readKeys(exportPeriods, [key], exportPeriods.columns);
  return row && toProgress(row);
}

export async function writePeriod(
  tx: Transaction,
  period: Period,
  { position, until, ...progress }: PeriodProgress,
): Promise<void> {
  const row = {
    ...progress,
    periodId: idOf(period),
    untilTime: until,
    positionTime: position?.time,
    positionId: position?.id,
  };
  await tx.upsert(exportPeriods, [row]);
}

function idOf({ from, realm, table, until }: Period): string {
  const { dataset, project, table: name } = table;
  return hash('sha256', JSON.stringify([realm, from, until ?? 0, project, dataset, name]), 'hex');
}

function toProgress({
  periodId: _,
  positionId,
  positionTime,
  untilTime,
  ...counts
}: Row<typeof exportPeriods>): PeriodProgress {
  const position =
    positionId === undefined || positionTime === undefined
      ? undefined
      : { time: positionTime, id: positionId as InvocationId };
  return { ...counts, until: untilTime, position };
}
