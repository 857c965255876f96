/**
 * Sends each export to the sink that the configuration chooses for its table. A sink is opened when
 * the first export needs it, and only then are the packages loaded that it needs. A failure to open
 * it fails that export; the next one tries again.
 */
import { CodedError } from '@postlude/queue/foundations';
import type { Export, Receipt, Sink, SinkSession } from '../sink.ts';
import { type ExportPlan, type PlannedSink, sinkOf } from './export-plan.ts';
import { SINK_KINDS } from './kinds.ts';
import type { OpenSink, SinkParts } from './sink-kind.ts';

export type OpenPlannedSink = (planned: PlannedSink, parts: SinkParts) => Promise<OpenSink>;

export class SinkRouter implements Sink {
  readonly #plan: ExportPlan;
  readonly #parts: SinkParts;
  readonly #openSink: OpenPlannedSink;
  readonly #open = new Map<string, Promise<OpenSink>>();

  /** `open` is replaced in tests. */
  constructor(plan: ExportPlan, parts: SinkParts, open: OpenPlannedSink = openSink) {
    this.#plan = plan;
    this.#parts = parts;
    this.#openSink = open;
  }

  async begin(exported: Export, signal?: AbortSignal): Promise<SinkSession | Receipt> {
    const sink = await this.sink(sinkOf(this.#plan, exported.table));
    return await sink.begin(exported, signal);
  }

  async find(exported: Omit<Export, 'attempt'>): Promise<Receipt | undefined> {
    const sink = await this.sink(sinkOf(this.#plan, exported.table));
    return await sink.find(exported);
  }

  async checkAgain(exported: Omit<Export, 'attempt'>): Promise<void> {
    const sink = await this.sink(sinkOf(this.#plan, exported.table));
    await sink.checkAgain?.(exported);
  }

  /** Opens a sink once, by its name. */
  sink(name: string): Promise<OpenSink> {
    const open = this.#open.get(name);
    if (open) return open;
    const opening = this.#openNamed(name);
    this.#open.set(name, opening);
    opening.catch(() => this.#open.delete(name));
    return opening;
  }

  /** Closes all sinks. No session may be open. */
  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values());
    this.#open.clear();
    await Promise.all(
      opened.map((sink) => (sink.status === 'fulfilled' ? sink.value.close() : undefined)),
    );
  }

  async #openNamed(name: string): Promise<OpenSink> {
    const planned = this.#plan.sinks.get(name);
    if (!planned) throw new CodedError('failed-precondition', `there is no sink ${name}`);
    const log = this.#parts.log.with({ sink: name });
    return await this.#openSink(planned, { ...this.#parts, log });
  }
}

export async function openSink(
  { kind, options }: PlannedSink,
  parts: SinkParts,
): Promise<OpenSink> {
  const known = SINK_KINDS.get(kind);
  if (!known) throw new CodedError('failed-precondition', `there is no kind of sink ${kind}`);
  return await known.open(options, parts);
}
