/** A buffered transaction of one session. `flush` applies its writes; its creator commits after that. */
import { BufferedTransaction } from '../../backend/buffered-transaction.ts';
import type { Columns, RowOf } from '../../column.ts';
import type { LockingRead } from '../../database.ts';
import type { AnyTable, Key } from '../../table.ts';
import { SessionReader } from '../reader.ts';
import { applyGroup, type WritePlace } from './statements.ts';

export class PostgresTransaction extends BufferedTransaction<SessionReader> {
  readonly #place: WritePlace;

  constructor(place: WritePlace) {
    super(new SessionReader(place.session, place.schema));
    this.#place = place;
  }

  override lockKeys<T extends AnyTable, C extends Columns>(
    table: T,
    keys: readonly Key<T>[],
    read: LockingRead<C>,
  ): Promise<RowOf<C>[]> {
    return this.reader.lockKeys(table, keys, read);
  }

  get hasWrites(): boolean {
    return this.groups().length > 0;
  }

  async flush(): Promise<void> {
    for (const group of this.groups()) await applyGroup(this.#place, group);
  }
}
