/**
 * The records of the invocations that hold the results of a page. Pages come in the order of
 * invocations, so only the records of the previous page are kept, and memory holds few of them.
 */
import { CodedError } from '@postlude/queue/foundations';
import type { Reader } from '@postlude/queue/storage';
import type { InvocationId } from '../invocations/id.ts';
import { readInvocations } from '../invocations/invocations.ts';
import { type InvocationRecord, toInvocationRecord } from './rows/test-result-row.ts';

export class Parents {
  #records = new Map<InvocationId, InvocationRecord>();

  /**
   * Returns a function that looks records up. Throws `not-found` if one of the invocations has been
   * deleted meanwhile, as its retention is over.
   */
  async read(
    reader: Reader,
    ids: ReadonlySet<InvocationId>,
  ): Promise<(id: InvocationId) => InvocationRecord> {
    const missing = [...ids].filter((id) => !this.#records.has(id));
    const found = await readInvocations(reader, missing);
    const before = this.#records;
    const records = new Map<InvocationId, InvocationRecord>();
    for (const id of ids) {
      const read = found.get(id);
      const record = before.get(id) ?? (read && toInvocationRecord(read));
      if (record) records.set(id, record);
    }
    this.#records = records;
    return (id) => recordOf(records, id);
  }
}

function recordOf(
  records: ReadonlyMap<InvocationId, InvocationRecord>,
  id: InvocationId,
): InvocationRecord {
  const record = records.get(id);
  if (record) return record;
  throw new CodedError('not-found', `invocations/${id} does not exist any more`);
}
