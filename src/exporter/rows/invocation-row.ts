/** An invocation as a row of schema.ts: its properties are the columns of the table. */
import type { InvocationId } from '../../invocations/id.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import type { StringPair } from '../../invocations/string-pair.ts';
import { decodeProperties, type EpochMicros, toMicros } from './test-result-row.ts';

/** `undefined` stands for NULL. */
export interface InvocationRow {
  readonly project: string;
  readonly realm: string;
  readonly id: string;
  readonly create_time: EpochMicros;
  readonly tags: readonly StringPair[];
  readonly finalize_time: EpochMicros | undefined;
  readonly included_invocations: readonly string[];
  readonly producer_resource: string | undefined;
  readonly properties: string | undefined;
  readonly partition_time: EpochMicros;
}

/** `included` are all invocations that it includes directly. */
export function toInvocationRow(
  invocation: Invocation,
  included: readonly InvocationId[],
): InvocationRow {
  const { createTime, finalizeTime, id, producerResource, properties, tags } = invocation;
  const [project = '', realm = ''] = invocation.realm.split(':');
  return {
    project,
    realm,
    id,
    create_time: toMicros(createTime),
    tags,
    finalize_time: finalizeTime === undefined ? undefined : toMicros(finalizeTime),
    included_invocations: included,
    producer_resource: producerResource,
    properties: properties && decodeProperties(properties),
    partition_time: toMicros(createTime),
  };
}
