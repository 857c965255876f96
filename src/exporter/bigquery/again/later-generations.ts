/**
 * Later generations of exports, whose rows replace those of the earlier ones. Each is a chain of steps, and
 * after a crash each step finds out whether it has been done:
 *
 * 1. The earlier generation is fenced off: its stream is ended, and its staging table goes.
 * 2. The rows are written into a staging table of their own, each once, as into any other table.
 * 3. One job replaces the rows in the export's own table (replacement.ts).
 * 4. The export is written down as done, and the staging table goes.
 */
import { hasCode } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { fenceEarlier, NO_PROGRESS, type Progress, saveProgress } from '../../progress.ts';
import type { Export, ExportTable } from '../../sink.ts';
import type { JobClient, StreamClient, TableClient } from '../clients/ports.ts';
import type { TableCalls } from '../tables/table-calls.ts';
import { replaceStatement } from './replacement.ts';
import { runReplacement } from './replacement-job.ts';
import { StagingTables, stagingTable } from './staging-tables.ts';

export interface LaterGenerationsParts {
  readonly db: Pick<Database, 'read' | 'write'>;
  readonly tables: TableClient;
  readonly streams: Pick<StreamClient, 'finalize'>;
  readonly jobs: JobClient;
  readonly calls: TableCalls;
  /** The project that jobs run in; that of the table unless given. */
  readonly jobProject: string | undefined;
  /** Whether a row may land in a staging table more than once. */
  readonly hasDuplicates: boolean;
}

/** An export of which an earlier generation may be in the table. */
export type LaterExport = Export & { readonly replaces: NonNullable<Export['replaces']> };

/** What an attempt goes on with. */
export interface Staged {
  readonly table: ExportTable;
  readonly progress: Progress;
  readonly landedSince: number;
  readonly location: string | undefined;
}

/** Returns how many rows the stream of an earlier attempt has after the settled ones. */
export type CountLanded = (progress: Progress) => Promise<number>;

export class LaterGenerations {
  readonly #parts: LaterGenerationsParts;
  readonly #staging: StagingTables;

  constructor(parts: LaterGenerationsParts) {
    const { calls, tables: client } = parts;
    this.#parts = parts;
    this.#staging = new StagingTables({ client, calls, clock: calls.clock });
  }

  /** Makes sure that nothing of an earlier generation can land any more. */
  async endEarlier(exported: Export, signal: AbortSignal | undefined): Promise<void> {
    const { calls, db, streams } = this.#parts;
    const earlier = await fenceEarlier(db, exported);
    if (earlier === undefined) return;
    const { fingerprint, stream } = earlier;
    if (stream !== undefined) {
      await calls
        .call(exported.table, () => streams.finalize(stream), signal)
        .catch((error: unknown) => {
          if (!hasCode(error, 'not-found')) throw error;
        });
    }
    await this.#staging.drop(stagingTable({ ...exported, fingerprint }), signal);
  }

  /** Finds what earlier attempts have staged. If that is lost, the export starts over. */
  async stage(
    exported: Export,
    progress: Progress,
    { count, signal }: { readonly count: CountLanded; readonly signal: AbortSignal | undefined },
  ): Promise<Staged> {
    const table = stagingTable(exported);
    const landedSince = await this.#countStaged(table, progress, { count, signal });
    if (landedSince === undefined) {
      // In this order: a staging table with rows that nobody knows of would be exported.
      await this.#staging.drop(table, signal);
      await saveProgress(this.#parts.db, exported, NO_PROGRESS);
    }
    const location = await this.#staging.ensure(table, exported.table, signal);
    if (landedSince === undefined)
      return { table, progress: NO_PROGRESS, landedSince: 0, location };
    return { table, progress, landedSince, location };
  }

  /** Replaces the rows in the export's own table. All rows have been staged. */
  async replace(
    { fingerprint, invocationId, kind, replaces, table }: LaterExport,
    { location, table: staging }: Staged,
    signal: AbortSignal,
  ): Promise<void> {
    const { calls, hasDuplicates, jobProject, jobs: client } = this.#parts;
    const { partitionTime } = replaces;
    const names = { table, staging, invocationId, partitionTime };
    const statement = replaceStatement({ ...names, kind, hasDuplicates });
    const project = jobProject ?? table.project;
    await runReplacement(
      { calls, client },
      { project, location, fingerprint, table, statement },
      signal,
    );
  }

  /** If this fails, the staging table deletes itself. */
  async discard({ table }: Staged): Promise<void> {
    await this.#staging.drop(table).catch(() => undefined);
  }

  /** Returns `undefined` if the staging table or the stream is gone. */
  async #countStaged(
    staging: ExportTable,
    progress: Progress,
    { count, signal }: { readonly count: CountLanded; readonly signal: AbortSignal | undefined },
  ): Promise<number | undefined> {
    if (progress.settled === undefined && progress.next === undefined) return 0;
    if (!(await this.#staging.exists(staging, signal))) return undefined;
    try {
      return await count(progress);
    } catch (error) {
      if (hasCode(error, 'not-found')) return undefined;
      throw error;
    }
  }
}
