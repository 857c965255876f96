/**
 * The invocations that hold the results of a page, as rows repeat them. Pages come in the order of
 * invocations, so only those of the previous page are kept, and memory holds few of them.
 */
import { CodedError } from '@postlude/queue/foundations';
import type { Reader } from '@postlude/queue/storage';
import type { InheritedSources } from '../invocations/above/inherited-sources.ts';
import type { InvocationId } from '../invocations/id.ts';
import type { Invocation } from '../invocations/invocation.ts';
import { readInvocations } from '../invocations/invocations.ts';
import { type SourcesRecord, toSourcesRecord } from './rows/sources-record.ts';
import { type InvocationRecord, toInvocationRecord } from './rows/test-result-row.ts';

export interface Parent {
  readonly record: InvocationRecord;
  readonly sources: SourcesRecord | undefined;
}

export class Parents {
  readonly #sources: InheritedSources;
  #known = new Map<InvocationId, Parent>();

  constructor(sources: InheritedSources) {
    this.#sources = sources;
  }

  /**
   * Returns a function that looks parents up. Throws `not-found` if one of the invocations has been
   * deleted meanwhile, as its retention is over.
   */
  async read(
    reader: Reader,
    ids: ReadonlySet<InvocationId>,
  ): Promise<(id: InvocationId) => Parent> {
    const missing = [...ids].filter((id) => !this.#known.has(id));
    const found = await readInvocations(reader, missing);
    const before = this.#known;
    const known = new Map<InvocationId, Parent>();
    for (const id of ids) {
      const read = found.get(id);
      const parent = before.get(id) ?? (read && (await this.#toParent(reader, read)));
      if (parent) known.set(id, parent);
    }
    this.#known = known;
    return (id) => parentOf(known, id);
  }

  async #toParent(reader: Reader, invocation: Invocation): Promise<Parent> {
    const sources = await this.#sources.read(reader, invocation);
    return {
      record: toInvocationRecord(invocation),
      sources: sources && toSourcesRecord(sources),
    };
  }
}

function parentOf(known: ReadonlyMap<InvocationId, Parent>, id: InvocationId): Parent {
  const parent = known.get(id);
  if (parent) return parent;
  throw new CodedError('not-found', `invocations/${id} does not exist any more`);
}
