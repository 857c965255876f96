/**
 * Deletes an expired invocation with everything that belongs to it, and the inclusions by which
 * others include it: to these, it counts as finished, as it was FINALIZED. Nothing of it is left
 * that a new invocation with the same id could be taken for, so ids may be used again.
 *
 * Each transaction deletes a bounded number of rows, and the last one deletes the row of the
 * invocation. So a purge that dies leaves an invocation with fewer results, which is expired still:
 * the next pass finds it and goes on.
 */
import type { EpochMs } from '@postlude/queue/foundations';
import type { AnyTable, KeyOrder, Transaction } from '@postlude/queue/storage';
import { int, nullable, text, timestamp } from '@postlude/queue/storage';
import { ARTIFACT_KEYS, artifacts, deleteArtifacts } from '../artifacts/artifacts.ts';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import { includedInvocations, includers } from '../invocations/inclusions.ts';
import { STATE_NUMBERS } from '../invocations/state.ts';
import { invocations } from '../invocations/table.ts';
import { type Deleted, sumDeleted } from './deleted.ts';
import { OWNED_TABLES } from './owned-tables.ts';

export interface PurgeRequest {
  readonly id: InvocationId;
  readonly now: EpochMs;
  /** How many rows one transaction deletes at most. */
  readonly batchRows: number;
}

export interface PurgeStep {
  readonly deleted: Deleted;
  /** Nothing is left to do, or somebody else has done it. */
  readonly isDone: boolean;
}

const COLUMNS = { state: int, expirationTime: timestamp, closedBy: nullable(text) };
const NOTHING: PurgeStep = { deleted: {}, isDone: true };

/** Deletes what fits into the caller's transaction. */
export async function purgeInvocation(
  tx: Transaction,
  { batchRows, id, now }: PurgeRequest,
): Promise<PurgeStep> {
  const key = { invocationId: toRowId(id) };
  // The lock makes a second purger wait here, before it has locked any other row.
  const [row] = await tx.lockKeys(invocations, [key], { columns: COLUMNS, lock: 'update' });
  if (row === undefined || row.expirationTime > now) return NOTHING;
  if (row.state !== STATE_NUMBERS.FINALIZED || row.closedBy !== undefined) return NOTHING;
  const batch = new Batch(tx, batchRows);
  await batch.deleteArtifacts(key.invocationId, now);
  for (const table of OWNED_TABLES) await batch.deleteRange(table, table, key.invocationId);
  await batch.deleteRange(includedInvocations, includers, key.invocationId);
  if (!batch.hasRoom) return { deleted: batch.deleted, isDone: false };
  await tx.delete(invocations, [key]);
  return { deleted: sumDeleted(batch.deleted, { [invocations.name]: 1 }), isDone: true };
}

/** Deletes rows until there is no room in the transaction. */
class Batch {
  readonly #tx: Transaction;
  #room: number;
  deleted: Deleted = {};

  constructor(tx: Transaction, room: number) {
    this.#tx = tx;
    this.#room = room;
  }

  get hasRoom(): boolean {
    return this.#room > 0;
  }

  async deleteArtifacts(invocationId: string, now: EpochMs): Promise<void> {
    const range = { first: [invocationId], limit: this.#room };
    const rows = await this.#tx.readRange(artifacts, range, ARTIFACT_KEYS);
    await deleteArtifacts(this.#tx, rows, now);
    this.#count(artifacts, rows.length);
  }

  async deleteRange(table: AnyTable, order: KeyOrder, first: string): Promise<void> {
    if (!this.hasRoom) return;
    const range = { first: [first], limit: this.#room };
    const keys = await this.#tx.readRange(order, range, keyColumns(table));
    await this.#tx.delete(table, keys);
    this.#count(table, keys.length);
  }

  #count(table: AnyTable, rows: number): void {
    this.#room -= rows;
    this.deleted = sumDeleted(this.deleted, { [table.name]: rows });
  }
}

function keyColumns({ columns, key }: AnyTable) {
  return Object.fromEntries(key.map((property: string) => [property, columns[property]]));
}
