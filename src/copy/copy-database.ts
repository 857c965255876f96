/**
 * Copies all of postlude's data from one database into another, to move from one kind of database to another.
 * Rows are copied in the order of their keys, one page a transaction. So an interrupted copy has left the
 * first rows of each table, and the next call continues after them; a target with any other rows is refused.
 * At the end all rows of both databases are read again and compared, by count and hash.
 *
 * Nothing else may write to the two databases meanwhile. The comparison detects such changes, but they are
 * not copied.
 */
import { createHash } from 'node:crypto';
import { CodedError } from '@postlude/queue/foundations';
import type { AnyRow, AnyTable, Database } from '@postlude/queue/storage';
import { readTablePages } from '@postlude/queue/storage';
import {
  deadReminders,
  deadTasks,
  reminders,
  skipStoredFences,
  tasks,
} from '@postlude/queue/tables';
import { artifacts } from '../artifacts/artifacts.ts';
import { unusedContents } from '../artifacts/unused-contents.ts';
import { exportRequests } from '../exporter/export-requests.ts';
import { exportProgress } from '../exporter/progress.ts';
import { rejectedRows } from '../exporter/rejected-rows.ts';
import { exportPeriods } from '../exporter/requests/export-periods.ts';
import { exportSinks } from '../exporter/sinks/recorded-sinks.ts';
import { includedInvocations } from '../invocations/inclusions.ts';
import { closingTurns, invocations } from '../invocations/table.ts';
import { exonerations } from '../results/exonerations.ts';
import { testResults } from '../results/test-results.ts';
import { secrets } from '../secrets/secrets.ts';

/**
 * All tables, except those that mean nothing in another database: migrations, leases of sweeps, commit
 * marks.
 */
export const COPIED_TABLES: readonly AnyTable[] = [
  secrets,
  invocations,
  includedInvocations,
  closingTurns,
  testResults,
  exonerations,
  artifacts,
  unusedContents,
  exportRequests,
  exportPeriods,
  exportProgress,
  exportSinks,
  rejectedRows,
  tasks,
  deadTasks,
  reminders,
  deadReminders,
];

export interface CopyParts {
  readonly from: Database;
  /** Both databases must have the schema of this version. */
  readonly to: Database;
  /** Aborting ends the copy after the current page. */
  readonly signal: AbortSignal;
  /** The number of rows in a page; 500 by default. */
  readonly pageRows?: number;
  readonly onProgress?: (progress: CopyProgress) => void;
}

export interface CopyProgress {
  readonly step: 'copy' | 'compare';
  readonly table: string;
  /** The number of rows of this table so far. */
  readonly rows: number;
}

export interface CopiedTable {
  readonly table: string;
  /** The rows that this call copied. A call that continues a copy does not count earlier rows. */
  readonly copied: number;
  readonly from: Fingerprint;
  readonly to: Fingerprint;
  readonly isSame: boolean;
}

/** The contents of a table: the number of rows, and the SHA-256 of all of them in order, in hex. */
export interface Fingerprint {
  readonly rows: number;
  readonly sha256: string;
}

const PAGE_ROWS = 500;

/**
 * Throws `failed-precondition`, and changes nothing, if the target has rows that an interrupted copy did not
 * write. Throws the databases' errors; if called again after one, it continues.
 */
export async function copyDatabase(parts: CopyParts): Promise<CopiedTable[]> {
  const ends = new Map<AnyTable, AnyRow | undefined>();
  for (const table of COPIED_TABLES) ends.set(table, await findEnd(parts, table));
  const copied = new Map<AnyTable, number>();
  for (const [table, end] of ends) copied.set(table, await copyTable(parts, table, end));
  await skipStoredFences(parts.to);
  const result: CopiedTable[] = [];
  for (const table of COPIED_TABLES) {
    const from = await fingerprint(parts, parts.from, table);
    const to = await fingerprint(parts, parts.to, table);
    const isSame = from.rows === to.rows && from.sha256 === to.sha256;
    result.push({ table: table.name, copied: copied.get(table) ?? 0, from, to, isSame });
  }
  return result;
}

/** Returns the last row that an interrupted copy wrote; `undefined` if there is none yet. */
async function findEnd(parts: CopyParts, table: AnyTable): Promise<AnyRow | undefined> {
  let end: AnyRow | undefined;
  let rows = 0;
  const source = pages(parts, table, { db: parts.from });
  for await (const page of pages(parts, table, { db: parts.to })) {
    const { value: expected = [] } = await source.next();
    if (!page.every((row, index) => isSameRow(table, row, expected[index]))) {
      throw new CodedError(
        'failed-precondition',
        `the target has rows in ${table.name} that are not the source's: copy into an empty database`,
      );
    }
    end = page.at(-1);
    rows += page.length;
    parts.onProgress?.({ step: 'compare', table: table.name, rows });
  }
  return end;
}

function isSameRow(table: AnyTable, row: AnyRow, other: AnyRow | undefined): boolean {
  return other !== undefined && canonical(table, row) === canonical(table, other);
}

async function copyTable(parts: CopyParts, table: AnyTable, end?: AnyRow): Promise<number> {
  let rows = 0;
  for await (const page of pages(parts, table, { db: parts.from, after: end })) {
    await parts.to.write((tx) => tx.insert(table, page));
    rows += page.length;
    parts.onProgress?.({ step: 'copy', table: table.name, rows });
  }
  return rows;
}

async function fingerprint(parts: CopyParts, db: Database, table: AnyTable): Promise<Fingerprint> {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const page of pages(parts, table, { db })) {
    for (const row of page) hash.update(`${canonical(table, row)}\n`);
    rows += page.length;
    parts.onProgress?.({ step: 'compare', table: table.name, rows });
  }
  return { rows, sha256: hash.digest('hex') };
}

async function* pages(
  { signal, pageRows = PAGE_ROWS }: CopyParts,
  table: AnyTable,
  { db, after }: { readonly db: Database; readonly after?: AnyRow | undefined },
): AsyncGenerator<AnyRow[]> {
  signal.throwIfAborted();
  for await (const page of readTablePages(db, table, { pageRows, after })) {
    yield page;
    signal.throwIfAborted();
  }
}

/** Returns the same text for the same row of either database. */
function canonical(table: AnyTable, row: AnyRow): string {
  return JSON.stringify(Object.keys(table.columns).map((property) => plain(row[property])));
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  return value ?? null;
}
