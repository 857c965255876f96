/**
 * Exports that were asked for after their invocation was FINALIZED: those to further destinations, and
 * those that are made again. Each time an export is asked for again, its generation grows, so that a sink
 * does not take it for the export that it has already. Without a row, it is the first generation, 0.
 */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import type { EpochMs } from '@postlude/queue/foundations';
import {
  bytes,
  int,
  nullable,
  type Reader,
  type Row,
  type Transaction,
  table,
  text,
  timestamp,
} from '@postlude/queue/storage';
import {
  type BigQueryExport,
  BigQueryExportSchema,
} from '../gen/luci/resultdb/v1/invocation_pb.js';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import type { Invocation } from '../invocations/invocation.ts';

export const exportRequests = table(
  'export_requests',
  {
    invocationId: text,
    exportIndex: int,
    destination: bytes,
    generation: int,
    requestTime: timestamp,
    requestId: nullable(text),
  },
  ['invocationId', 'exportIndex'],
);

export interface ExportAsked {
  readonly index: number;
  readonly destination: BigQueryExport;
  readonly generation: number;
}

/** Reads all that were asked for of one invocation, in the order of their indexes. */
export async function readExportRequests(reader: Reader, id: InvocationId): Promise<ExportAsked[]> {
  const range = { first: [toRowId(id)] };
  return (await reader.readRange(exportRequests, range, exportRequests.columns)).map(fromRow);
}

/** Reads all exports of an invocation: those that it was created with, and then those that were asked for. */
export async function readWantedExports(
  reader: Reader,
  { bigqueryExports, id }: Pick<Invocation, 'bigqueryExports' | 'id'>,
): Promise<readonly ExportAsked[]> {
  const asked = new Map((await readExportRequests(reader, id)).map((each) => [each.index, each]));
  const own = bigqueryExports.map((encoded, index) => ({
    index,
    destination: fromBinary(BigQueryExportSchema, encoded),
    generation: asked.get(index)?.generation ?? 0,
  }));
  return [...own, ...[...asked.values()].filter(({ index }) => index >= own.length)];
}

/** Tells whether another one of the invocation's exports goes to the same table. */
export function isTableShared(
  all: readonly Pick<ExportAsked, 'index' | 'destination'>[],
  { destination, index }: Pick<ExportAsked, 'index' | 'destination'>,
): boolean {
  return all.some((other) => other.index !== index && isSameTable(other.destination, destination));
}

export type TableName = Pick<BigQueryExport, 'project' | 'dataset' | 'table'>;

export function isSameTable(one: TableName, other: TableName): boolean {
  const { dataset, project, table } = one;
  return project === other.project && dataset === other.dataset && table === other.table;
}

/** Returns 0 if the export was not asked for again. */
export async function readGeneration(
  reader: Reader,
  id: InvocationId,
  exportIndex: number,
): Promise<number> {
  return (await readExportRequest(reader, id, exportIndex))?.generation ?? 0;
}

export interface ExportRequested {
  readonly generation: number;
  /** When this generation was asked for. */
  readonly requestTime: EpochMs;
  /** Identifies the request, if its client has named it. */
  readonly requestId: string | undefined;
}

/** Returns `undefined` for an export that the invocation was created with and that was not asked for again. */
export async function readExportRequest(
  reader: Reader,
  id: InvocationId,
  exportIndex: number,
): Promise<ExportRequested | undefined> {
  const key = { invocationId: toRowId(id), exportIndex };
  const columns = { generation: int, requestTime: timestamp, requestId: nullable(text) };
  const [row] = await reader.readKeys(exportRequests, [key], columns);
  return row;
}

export interface NewRequest extends ExportAsked {
  readonly requestTime: EpochMs;
  readonly requestId?: string | undefined;
}

export async function writeExportRequest(
  tx: Transaction,
  id: InvocationId,
  { destination, generation, index, requestId, requestTime }: NewRequest,
): Promise<void> {
  await tx.upsert(exportRequests, [
    {
      invocationId: toRowId(id),
      exportIndex: index,
      destination: toBinary(BigQueryExportSchema, destination),
      generation,
      requestTime,
      requestId,
    },
  ]);
}

function fromRow({
  destination,
  exportIndex,
  generation,
}: Row<typeof exportRequests>): ExportAsked {
  return {
    index: exportIndex,
    destination: fromBinary(BigQueryExportSchema, destination),
    generation,
  };
}
