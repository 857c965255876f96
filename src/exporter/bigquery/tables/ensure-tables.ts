/**
 * Makes sure that tables exist and have all columns, once for each table while this process remembers it.
 * Concurrent exports wait for the same attempt. A failure that no retry can help is remembered for a short
 * time, and given as that failure to each export.
 */

import type { Clock } from '@postlude/queue/foundations';
import { CodedError, hasCode } from '@postlude/queue/foundations';
import { LRUCache } from 'lru-cache';
import type { ExportTable } from '../../sink.ts';
import type { PresentTable, TableClient } from '../clients/ports.ts';
import { extendSchema } from './extend-schema.ts';
import type { TableDefinition } from './table-definition.ts';
import { tableName } from './table-name.ts';

export interface EnsureTablesParts {
  readonly client: Pick<TableClient, 'find' | 'create' | 'setFields'>;
  readonly definition: TableDefinition;
  readonly clock: Clock;
}

const MAX_TABLES = 500;
const FAILURE_MS = 60_000;
/** Other processes extend the same table at the same time, each at most once. */
const MAX_ROUNDS = 10;

interface Ensured {
  readonly done: Promise<void>;
  /** When a failure is forgotten. */
  failedUntilMs?: number;
}

export class EnsureTables {
  readonly #parts: EnsureTablesParts;
  readonly #tables = new LRUCache<string, Ensured>({ max: MAX_TABLES });

  constructor(parts: EnsureTablesParts) {
    this.#parts = parts;
  }

  /** Throws `permission-denied`, `not-found`, `invalid-argument`, or an error that may pass. */
  async ensure(table: ExportTable): Promise<void> {
    const name = tableName(table);
    const known = this.#tables.get(name);
    if (known && !this.#isOver(known)) return await known.done;
    const ensured: Ensured = { done: ensureTable(this.#parts, table) };
    this.#tables.set(name, ensured);
    ensured.done.catch((error: unknown) => this.#failed(name, ensured, error));
    await ensured.done;
  }

  /** The table is looked at again when it is needed next, as it may have been deleted. */
  forget(table: ExportTable): void {
    this.#tables.delete(tableName(table));
  }

  #isOver({ failedUntilMs }: Ensured): boolean {
    return failedUntilMs !== undefined && this.#parts.clock.monotonicMs() >= failedUntilMs;
  }

  #failed(name: string, ensured: Ensured, error: unknown): void {
    if (hasCode(error, 'permission-denied', 'not-found', 'invalid-argument')) {
      ensured.failedUntilMs = this.#parts.clock.monotonicMs() + FAILURE_MS;
    } else if (this.#tables.peek(name) === ensured) this.#tables.delete(name);
  }
}

async function ensureTable(parts: EnsureTablesParts, table: ExportTable): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const present = await parts.client.find(table);
    const isEnsured = present ? await extend(parts, table, present) : await create(parts, table);
    if (isEnsured) return;
  }
  throw new CodedError('unavailable', `BigQuery: ${tableName(table)} is changed all the time`);
}

/** Returns false if somebody else has created the table meanwhile. */
async function create(
  { client, definition }: EnsureTablesParts,
  table: ExportTable,
): Promise<boolean> {
  return await unless('already-exists', client.create(table, definition));
}

/** Returns false if somebody else has changed the table meanwhile. */
async function extend(
  { client, definition }: EnsureTablesParts,
  table: ExportTable,
  { fields, etag }: PresentTable,
): Promise<boolean> {
  const extended = extendSchema(fields, definition.schema.fields);
  if (extended === undefined) return true;
  return await unless('conflict', client.setFields(table, { fields: extended, etag }));
}

async function unless(code: 'already-exists' | 'conflict', work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (hasCode(error, code)) return false;
    throw error;
  }
}
