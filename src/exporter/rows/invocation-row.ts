/** An invocation as a row of schema.ts: its properties are the columns of the table. */
import { decodeFields } from '../../invocations/fields/stored-fields.ts';
import type { InvocationId } from '../../invocations/id.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import type { StringPair } from '../../invocations/string-pair.ts';
import { type SourcesRecord, toSourcesRecord } from './sources-record.ts';
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
  readonly is_export_root: boolean;
  /** JSON. */
  readonly extended_properties: string | undefined;
  readonly sources: SourcesRecord | undefined;
}

/** What is read for the row of an invocation, besides the invocation itself. */
export interface InvocationParts {
  /** All invocations that it includes directly. */
  readonly included: readonly InvocationId[];
  /** See `readExtended`. */
  readonly extended: Uint8Array | undefined;
}

export function toInvocationRow(
  invocation: Invocation,
  { extended, included }: InvocationParts,
): InvocationRow {
  const { createTime, finalizeTime, id, producerResource, properties, tags } = invocation;
  const [project = '', realm = ''] = invocation.realm.split(':');
  const { isExportRoot, sourceSpec } = decodeFields(invocation.details);
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
    is_export_root: isExportRoot,
    extended_properties: toExtendedProperties(extended),
    sources: sourceSpec?.sources && toSourcesRecord(sourceSpec.sources),
  };
}

function toExtendedProperties(extended: Uint8Array | undefined): string | undefined {
  const { extendedProperties } = decodeFields(extended);
  const entries = Object.entries(extendedProperties).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? undefined : JSON.stringify(Object.fromEntries(entries));
}
