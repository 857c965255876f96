/**
 * Sends each export to the sink that the configuration chooses for its table. A sink is opened when
 * the first export needs it, and only then are the packages loaded that it needs. A failure to open
 * it fails that export; the next one tries again.
 */
import { CodedError } from '@postlude/queue/foundations';
import { type Export, isReceipt, type Receipt, type Sink, type SinkSession } from '../sink.ts';
import { type ExportPlan, type PlannedSink, sinkOf } from './export-plan.ts';
import { SINK_KINDS } from './kinds.ts';
import { readRecordedSink, recordSink } from './recorded-sinks.ts';
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
    const name = sinkOf(this.#plan, exported.table);
    const sink = await this.sink(name);
    const begun = await sink.begin(exported, signal);
    const record = () => recordSink(this.#parts.db, exported, name);
    if (!isReceipt(begun)) return recorded(begun, record);
    await record();
    return begun;
  }

  /** If the rules have changed since, it looks where the export was done. */
  async find(exported: Omit<Export, 'attempt'>): Promise<Receipt | undefined> {
    const name = sinkOf(this.#plan, exported.table);
    const found = await (await this.sink(name)).find(exported);
    if (found) return found;
    const earlier = await readRecordedSink(this.#parts.db, exported);
    if (earlier === undefined || earlier === name || !this.#plan.sinks.has(earlier)) return;
    return await (await this.sink(earlier)).find(exported);
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

/** Calls `record` once the session has committed. */
function recorded(session: SinkSession, record: () => Promise<void>): SinkSession {
  return {
    landed: session.landed,
    append: (batch) => session.append(batch),
    abort: () => session.abort(),
    commit: async (summary, signal) => {
      const receipt = await session.commit(summary, signal);
      await record();
      return receipt;
    },
  };
}

export async function openSink(
  { kind, options }: PlannedSink,
  parts: SinkParts,
): Promise<OpenSink> {
  const known = SINK_KINDS.get(kind);
  if (!known) throw new CodedError('failed-precondition', `there is no kind of sink ${kind}`);
  return await known.open(options, parts);
}
