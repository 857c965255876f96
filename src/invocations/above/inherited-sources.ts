/**
 * The sources that an invocation tested. It names them itself, or inherits them from an invocation that
 * includes it, which may inherit them in turn. If several have sources, the nearest one counts; of equally
 * near ones, the one with the smallest id.
 */
import type { Reader } from '@postlude/queue/storage';
import type { SourceSpec, Sources } from '../../gen/luci/resultdb/v1/source_pb.js';
import { decodeFields } from '../fields/stored-fields.ts';
import type { InvocationId } from '../id.ts';
import { includersPages } from '../inclusions.ts';
import type { Invocation } from '../invocation.ts';
import { readInvocations } from '../invocations.ts';

type Specs = Map<InvocationId, SourceSpec | undefined>;

/** Many shards inherit from few invocations, so few of them are kept. */
const MAX_KEPT = 1000;

export class InheritedSources {
  readonly #isInside: (id: InvocationId) => boolean;
  readonly #kept: Specs = new Map();

  /** Sources are inherited only from the invocations that `isInside` accepts. */
  constructor(isInside: (id: InvocationId) => boolean) {
    this.#isInside = isInside;
  }

  /** Returns `undefined` if the sources are not known. */
  async read(
    reader: Reader,
    invocation: Pick<Invocation, 'id' | 'details'>,
  ): Promise<Sources | undefined> {
    const own = sourceSpecOf(invocation);
    if (!own?.inherit) return own?.sources;
    const seen = new Set([invocation.id]);
    for (let level = [invocation.id]; level.length > 0; ) {
      const specs = await this.#specsOf(reader, await this.#includersOf(reader, level, seen));
      const nearest = [...specs.values()].find((spec) => spec?.sources);
      if (nearest) return nearest.sources;
      level = [...specs].filter(([, spec]) => spec?.inherit).map(([id]) => id);
    }
    return undefined;
  }

  /** Returns those that are not in `seen`, sorted, and adds them to it. */
  async #includersOf(
    reader: Reader,
    ids: readonly InvocationId[],
    seen: Set<InvocationId>,
  ): Promise<InvocationId[]> {
    const found: InvocationId[] = [];
    for (const id of ids) {
      for await (const page of includersPages(reader, id)) {
        const added = page.filter((includer) => !seen.has(includer) && this.#isInside(includer));
        for (const includer of added) seen.add(includer);
        found.push(...added);
      }
    }
    return found.sort();
  }

  /** Returns the specs in the order of `ids`. */
  async #specsOf(reader: Reader, ids: readonly InvocationId[]): Promise<Specs> {
    const missing = ids.filter((id) => !this.#kept.has(id));
    const read = await readInvocations(reader, missing);
    const specs: Specs = new Map();
    for (const id of ids) {
      const invocation = read.get(id);
      specs.set(id, invocation ? sourceSpecOf(invocation) : this.#kept.get(id));
    }
    if (this.#kept.size + ids.length > MAX_KEPT) this.#kept.clear();
    for (const [id, spec] of [...specs].slice(0, MAX_KEPT)) this.#kept.set(id, spec);
    return specs;
  }
}

/** Returns what the invocation says of its sources. */
export function sourceSpecOf({ details }: Pick<Invocation, 'details'>): SourceSpec | undefined {
  return decodeFields(details).sourceSpec;
}
