/**
 * How far exports into a warehouse have come. An attempt writes down what is settled, together with the rows
 * that were rejected, and where the next rows go *before* it sends them. So whatever dies, a later attempt
 * knows what has landed, and where to look for what may have.
 *
 * Attempts are fenced: once a later one has begun, an earlier one that still runs can write nothing more.
 */
import { CodedError } from '@postlude/queue/foundations';
import {
  type Database,
  fromNow,
  int,
  LOOK,
  nullable,
  type Reader,
  type Row,
  type Transaction,
  table,
  text,
  timestamp,
} from '@postlude/queue/storage';
import {
  deleteRejectedRows,
  type ExportName,
  exportKey,
  type RejectedRow,
  writeRejectedRows,
} from './rejected-rows.ts';
import type { Export, Landed } from './sink.ts';

export const exportProgress = table(
  'export_progress',
  {
    invocationId: text,
    exportIndex: int,
    fingerprint: text,
    attempt: int,
    settledRows: int,
    parentId: nullable(text),
    testId: nullable(text),
    resultId: nullable(text),
    rejectedRows: int,
    stream: nullable(text),
    streamOffset: nullable(int),
    doneTime: nullable(timestamp),
  },
  ['invocationId', 'exportIndex'],
);

/** The next rows go to `stream`, from `offset` on. */
export interface StreamPosition {
  readonly stream: string;
  readonly offset: number;
}

export interface Progress {
  /** The rows that have landed or were rejected, and the last of them; `undefined` if there are none. */
  readonly settled: Landed | undefined;
  /** How many of the settled rows were rejected. */
  readonly rejected: number;
  /** If it is set, the rows after the settled ones may have landed there. */
  readonly next: StreamPosition | undefined;
  readonly isDone: boolean;
}

/** What an attempt writes down. */
export type Checkpoint = Progress & {
  /** Rows that were rejected, whether they are settled or not. */
  readonly newlyRejected?: readonly RejectedRow[];
};

type ProgressDatabase = Pick<Database, 'read' | 'write'>;

/** Nothing has been settled, and nothing has been sent. */
export const NO_PROGRESS: Progress = {
  settled: undefined,
  rejected: 0,
  next: undefined,
  isDone: false,
};

/**
 * Begins an attempt, and returns how far the earlier ones have come. Throws `lease-lost` if a later attempt
 * has begun.
 */
export async function beginAttempt(db: ProgressDatabase, exported: Export): Promise<Progress> {
  return await db.write(async (tx) => {
    const row = await readRow(tx, exported);
    const isSame = row?.fingerprint === exported.fingerprint;
    const progress = row && isSame ? toProgress(row) : NO_PROGRESS;
    if (progress.isDone) return progress;
    if (row && row.attempt > exported.attempt) throw superseded(exported);
    if (row && !isSame) await deleteRejectedRows(tx, exported);
    await writeRow(tx, exported, progress);
    return progress;
  });
}

/** What the attempts at an earlier generation of an export may have left. */
export interface EarlierGeneration {
  readonly fingerprint: string;
  /** A stream in which rows of it may still land. */
  readonly stream: string | undefined;
}

/**
 * Fences off all attempts at an earlier generation, and returns what they may have left, until `beginAttempt`
 * has forgotten it. Throws `lease-lost` if a later attempt has begun.
 */
export async function fenceEarlier(
  db: ProgressDatabase,
  exported: Export,
): Promise<EarlierGeneration | undefined> {
  return await db.write(async (tx) => {
    const row = await readRow(tx, exported);
    if (row === undefined || row.fingerprint === exported.fingerprint) return undefined;
    if (row.attempt > exported.attempt) throw superseded(exported);
    await tx.update(exportProgress, [{ ...exportKey(exported), attempt: exported.attempt }]);
    return { fingerprint: row.fingerprint, stream: row.stream };
  });
}

/** Writes down how far this attempt has come. Throws `lease-lost` if a later attempt has begun. */
export async function saveProgress(
  db: ProgressDatabase,
  exported: Export,
  { newlyRejected = [], ...progress }: Checkpoint,
): Promise<void> {
  await db.write(async (tx) => {
    const row = await readRow(tx, exported);
    if (row?.attempt !== exported.attempt) throw superseded(exported);
    await writeRow(tx, exported, progress);
    if (newlyRejected.length > 0) await writeRejectedRows(tx, exported, newlyRejected);
  });
}

/** Returns `undefined` if no attempt at this very export has begun. */
export async function findProgress(
  db: Pick<Database, 'read'>,
  exported: Omit<Export, 'attempt'>,
): Promise<Progress | undefined> {
  const row = await db.read((tx) => readRow(tx, exported), LOOK);
  return row?.fingerprint === exported.fingerprint ? toProgress(row) : undefined;
}

async function readRow(
  reader: Reader,
  name: ExportName,
): Promise<Row<typeof exportProgress> | undefined> {
  const [row] = await reader.readKeys(exportProgress, [exportKey(name)], exportProgress.columns);
  return row;
}

async function writeRow(
  tx: Transaction,
  exported: Export,
  { settled, rejected, next, isDone }: Progress,
): Promise<void> {
  const row = {
    ...exportKey(exported),
    fingerprint: exported.fingerprint,
    attempt: exported.attempt,
    settledRows: settled?.rows ?? 0,
    parentId: settled?.parentId,
    testId: settled?.testId,
    resultId: settled?.resultId,
    rejectedRows: rejected,
    stream: next?.stream,
    streamOffset: next?.offset,
    doneTime: isDone ? fromNow(0) : undefined,
  };
  await tx.upsert(exportProgress, [row]);
}

function toProgress(row: Row<typeof exportProgress>): Progress {
  const { settledRows, parentId, testId, resultId, stream, streamOffset } = row;
  const hasKey = parentId !== undefined && testId !== undefined && resultId !== undefined;
  return {
    settled: hasKey ? { rows: settledRows, parentId, testId, resultId } : undefined,
    rejected: row.rejectedRows,
    next:
      stream === undefined || streamOffset === undefined
        ? undefined
        : { stream, offset: streamOffset },
    isDone: row.doneTime !== undefined,
  };
}

function superseded({ invocationId, index, attempt }: Export): CodedError {
  return new CodedError(
    'lease-lost',
    `a later attempt than ${attempt} exports invocations/${invocationId}, export ${index}`,
  );
}
