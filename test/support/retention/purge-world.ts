/** A database with invocations that expire: what they hold, and what is left after a purge. */

import { TaskQueue } from '@postlude/queue';
import type { AnyTable, Database } from '@postlude/queue/storage';
import { selectList, sql } from '@postlude/queue/storage';
import { deadTasks } from '@postlude/queue/tables';
import { FakeClock } from '@postlude/queue/testing';
import type { NewArtifact } from '../../../src/artifacts/artifact.ts';
import { artifacts, recordArtifacts } from '../../../src/artifacts/artifacts.ts';
import type { ExportTable } from '../../../src/exporter/sink.ts';
import { exportTask } from '../../../src/exporter/task.ts';
import { TRY_FINALIZE_INVOCATION } from '../../../src/finalizer/finalization-tasks.ts';
import { tryFinalize } from '../../../src/finalizer/finalizer.ts';
import { startFinalization } from '../../../src/finalizer/schedule.ts';
import { fromRowId, type InvocationId } from '../../../src/invocations/id.ts';
import { includedInvocations, includeInvocations } from '../../../src/invocations/inclusions.ts';
import type { NewInvocation } from '../../../src/invocations/invocation.ts';
import { insertInvocations } from '../../../src/invocations/invocations.ts';
import { invocations } from '../../../src/invocations/table.ts';
import { exonerations, recordExonerations } from '../../../src/results/exonerations.ts';
import type { NewTestResult } from '../../../src/results/test-result.ts';
import { recordTestResults, testResults } from '../../../src/results/test-results.ts';
import { type PurgeOptions, purgeExpired } from '../../../src/retention/purger.ts';
import {
  invocationId as id,
  newExoneration,
  newInvocation,
  newTestResult,
} from '../invocations/fixtures.ts';

export const DAY = 86_400_000;

/** What is stored, as texts that are easy to compare. */
export interface Stored {
  /** A star follows if its expected results are still to expire. */
  readonly invocations: readonly string[];
  readonly results: readonly string[];
  readonly exonerations: readonly string[];
  readonly inclusions: readonly string[];
}

export class PurgeWorld {
  readonly db: Database;
  readonly clock = new FakeClock();
  readonly queue: TaskQueue;

  readonly #invocationRows: ExportTable | undefined;

  constructor(db: Database, { invocationRows }: { readonly invocationRows?: ExportTable } = {}) {
    this.db = db;
    this.#invocationRows = invocationRows;
    this.queue = new TaskQueue({ db, clock: this.clock });
  }

  get parts() {
    const { clock, db, queue } = this;
    return { db, clock, queue, invocationRows: this.#invocationRows, deadTaskMs: 30 * DAY };
  }

  /** It expires after 540 days, and its expected results after 60, unless given. */
  async create(name: string, given: Partial<NewInvocation> = {}): Promise<void> {
    const now = this.clock.now();
    const times = {
      createTime: now,
      deadline: now + DAY,
      expirationTime: now + 540 * DAY,
      expectedResultsExpirationTime: now + 60 * DAY,
    };
    await this.db.write((tx) =>
      insertInvocations(tx, [newInvocation(name, { ...times, ...given })]),
    );
  }

  async record(name: string, ...results: readonly NewTestResult[]): Promise<void> {
    await this.db.write((tx) => recordTestResults(tx, id(name), results));
  }

  async exonerate(name: string, testId: string): Promise<void> {
    await this.db.write((tx) => recordExonerations(tx, id(name), [newExoneration(testId)]));
  }

  /** Adds artifacts, each to a result or to the invocation itself. */
  async attach(name: string, ...attached: readonly NewArtifact[]): Promise<void> {
    await this.db.write((tx) =>
      recordArtifacts(tx, id(name), { given: attached, now: this.clock.now() }),
    );
  }

  async include(name: string, ...included: readonly string[]): Promise<void> {
    await this.db.write((tx) => includeInvocations(tx, id(name), included.map(id)));
  }

  /** Begins the finalization, and runs all tries that are due. */
  async finalize(...names: readonly string[]): Promise<void> {
    await this.db.write(async (tx) => {
      for (const name of names) await startFinalization(this.parts, tx, { id: id(name) });
    });
    for (;;) {
      const tries = await this.queue.leaseDue(TRY_FINALIZE_INVOCATION.name, 100, DAY);
      if (tries.length === 0) return;
      for (const { subject = '' } of tries) await tryFinalize(this.parts, fromRowId(subject));
      await this.queue.completeAll(tries);
    }
  }

  async enqueueExport(name: string): Promise<void> {
    const task = exportTask(id(name), 0, new Uint8Array());
    await this.db.write((tx) => this.queue.enqueue([task], tx));
  }

  purge(options: PurgeOptions = {}) {
    return purgeExpired(this.parts, options);
  }

  async stored(): Promise<Stored> {
    const [rows, results, exonerated, inclusions] = await Promise.all(
      [invocations, testResults, exonerations, includedInvocations].map((table) =>
        readAll(this.db, table),
      ),
    );
    return {
      invocations: texts(rows, (row) => [
        nameOf(row.invocationId) + (row.expectedResultsExpirationTime === undefined ? '' : '*'),
      ]),
      results: texts(results, (row) => [nameOf(row.invocationId), row.testId, row.resultId]),
      exonerations: texts(exonerated, (row) => [nameOf(row.invocationId), row.testId]),
      inclusions: texts(inclusions, (row) => [
        nameOf(row.invocationId),
        nameOf(row.includedInvocationId),
      ]),
    };
  }

  async storedArtifacts(): Promise<string[]> {
    const rows = await readAll(this.db, artifacts);
    return texts(rows, (row) => [nameOf(row.invocationId), row.parentId, row.artifactId]);
  }

  async deadTaskIds(): Promise<unknown[]> {
    return (await readAll(this.db, deadTasks)).map((row) => row.id).sort();
  }
}

export function expected(testId: string, resultId = 'r1', given: Partial<NewTestResult> = {}) {
  return newTestResult(testId, { resultId, ...given });
}

export function unexpected(testId: string, resultId = 'r1', given: Partial<NewTestResult> = {}) {
  return newTestResult(testId, { resultId, expected: false, status: 'FAIL', ...given });
}

type Row = Readonly<Record<string, unknown>>;

async function readAll(db: Database, table: AnyTable): Promise<readonly Row[]> {
  return await db.read((tx) =>
    tx.query(sql`SELECT ${selectList(table.columns)} FROM ${table}`, table.columns),
  );
}

function texts(rows: readonly Row[] = [], of: (row: Row) => readonly unknown[]): string[] {
  return rows.map((row) => of(row).join(' ')).sort();
}

function nameOf(rowId: unknown): InvocationId {
  return fromRowId(String(rowId));
}
