/** All kinds of sinks, by the name that the configuration gives them. */
import { bigQueryKind } from '../bigquery/bigquery-kind.ts';
import { gcsKind } from '../objects/gcs/gcs-kind.ts';
import { s3Kind } from '../objects/s3/s3-kind.ts';
import { parquetKind } from '../parquet/parquet-kind.ts';
import type { SinkKind } from './sink-kind.ts';

// biome-ignore lint/suspicious/noExplicitAny: `open` of each kind takes its own options
type AnyKind = SinkKind<any>;

export const SINK_KINDS: ReadonlyMap<string, AnyKind> = new Map<string, AnyKind>([
  ['parquet', parquetKind],
  ['s3', s3Kind],
  ['gcs', gcsKind],
  ['bigquery', bigQueryKind],
]);
