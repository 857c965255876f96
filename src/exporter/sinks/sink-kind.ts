/**
 * A kind of sink, such as Parquet files in a bucket: which options it takes in the configuration,
 * which packages it needs, and how it is opened. A new kind is added to `kinds.ts`, and nowhere else.
 */
import type { Clock, Log, Metrics, OptionalPackage } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { ContentStore } from '../../artifacts/contents.ts';
import type { ExportName } from '../parquet/export-files.ts';
import type { Verification } from '../parquet/manifest.ts';
import type { Sink } from '../sink.ts';
import type { OptionValues, SinkOptions } from './sink-options.ts';

/** What a sink is given. Each takes what it uses. */
export interface SinkParts {
  /** For progress that has to survive the process. It must not be closed by the sink. */
  readonly db: Pick<Database, 'read' | 'write'>;
  readonly clock: Clock;
  /** A folder for files that live no longer than an export; it need not exist. */
  readonly scratch: string;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface OpenSink extends Sink {
  /**
   * Tries whether exports could be written: it writes something small, and removes it. Throws a
   * `CodedError` that says what to do if that fails.
   */
  probe(signal: AbortSignal): Promise<Probe>;

  /** Reads all that an export has written, and compares it with its manifest, if the sink has any. */
  verify?(name: ExportName): Promise<Verification>;

  /** Ends connections. No session may be open. */
  close(): Promise<void>;
}

export interface Probe {
  /** The place that was written to, for people. */
  readonly location: string;
  /** What works only in part, and what to do about it. */
  readonly warning?: string | undefined;
  /** How far the clock of the service is ahead of ours, if the service tells its time. */
  readonly clockAheadMs?: number | undefined;
}

export interface SinkKind<S extends SinkOptions = SinkOptions> {
  readonly options: S;
  /**
   * The packages that `open` loads. A server does not start while one is missing that a configured
   * sink needs.
   */
  readonly packages: readonly OptionalPackage[];
  /** Opens the same place for the contents of artifacts; only kinds that can hold any have it. */
  readonly contents?: {
    readonly packages: readonly OptionalPackage[];
    open(options: OptionValues<S>, parts: Pick<SinkParts, 'clock'>): Promise<ContentStore>;
  };
  /** Is called at the first export to the sink, and again if it failed. */
  open(options: OptionValues<S>, parts: SinkParts): Promise<OpenSink>;
}

/** Lets TypeScript derive the type of the options. */
export function sinkKind<const S extends SinkOptions>(kind: SinkKind<S>): SinkKind<S> {
  return kind;
}
