/**
 * The union of the variants of an invocation's own results: one value of each key, the first that came. Only
 * the first results with a key write it, under a lock that keeps other uploads from the invocation. Each
 * process remembers the keys that it has seen stored, so that all further uploads run beside each other.
 */
import { create } from '@bufbuild/protobuf';
import type { Transaction } from '@postlude/queue/storage';
import { LRUCache } from 'lru-cache';
import { VariantSchema } from '../../../gen/luci/resultdb/v1/common_pb.js';
import { decodeFields, encodeFields } from '../../../invocations/fields/stored-fields.ts';
import type { Invocation } from '../../../invocations/invocation.ts';
import { updateInvocation } from '../../../invocations/invocations.ts';
import type { Variant } from '../../../results/variant.ts';

const MAX_INVOCATIONS = 10_000;
/** Further keys are left out, so that the row stays short. */
const MAX_KEYS = 64;

export class VariantUnions {
  readonly #known = new LRUCache<string, ReadonlySet<string>>({ max: MAX_INVOCATIONS });

  /** Whether all keys of the variants are known to be stored. */
  isKnown(id: string, variants: readonly Variant[]): boolean {
    const known = this.#known.get(id);
    const isFull = known !== undefined && known.size >= MAX_KEYS;
    return (
      isFull || variants.every((variant) => Object.keys(variant).every((key) => known?.has(key)))
    );
  }

  /** Adds the variants. The invocation is locked for an update. */
  async add(tx: Transaction, invocation: Invocation, variants: readonly Variant[]): Promise<void> {
    const details = decodeFields(invocation.details);
    const stored = details.TestResultVariantUnion?.def ?? {};
    const union = new Map(Object.entries(stored));
    for (const [key, value] of variants.flatMap((variant) => Object.entries(variant))) {
      if (union.size < MAX_KEYS && !union.has(key)) union.set(key, value);
    }
    const def = Object.fromEntries(union);
    if (union.size > Object.keys(stored).length) {
      details.TestResultVariantUnion = create(VariantSchema, { def });
      await updateInvocation(tx, invocation.id, { details: encodeFields(details) });
    }
    tx.afterCommit(() => void this.#known.set(invocation.id, new Set(Object.keys(def))));
  }
}
