/**
 * A sink in memory that can fail at any step and that keeps the rows of each export that it was given
 * before. So does a warehouse whose streams accept rows at offsets.
 */
import type { Batch } from '../../../src/exporter/batches.ts';
import { type ExportRow, keyOf } from '../../../src/exporter/rows/row-kind.ts';
import type { TestResultRow } from '../../../src/exporter/rows/test-result-row.ts';
import type {
  Export,
  ExportSummary,
  Receipt,
  Sink,
  SinkSession,
} from '../../../src/exporter/sink.ts';

type Step = 'begin' | 'append' | 'commit';

export class MemorySink implements Sink {
  /** The rows that readers of the table see. */
  readonly committed: ExportRow[] = [];
  /** All steps in order, including those that failed. */
  readonly steps: (Step | 'abort')[] = [];
  readonly batches: Batch[] = [];
  readonly exports: Export[] = [];
  /** Is called before each step, and makes the step fail by throwing. */
  onStep: (step: Step, count: number) => void = () => undefined;
  readonly #exports = new Map<string, { readonly rows: ExportRow[]; receipt?: Receipt }>();

  /** The visible rows that are test results. */
  get results(): TestResultRow[] {
    return this.committed.filter((row) => 'test_id' in row);
  }

  async begin(exported: Export): Promise<SinkSession | Receipt> {
    this.#step('begin');
    this.exports.push(exported);
    const { rows } = this.#kept(exported);
    const last = rows.at(-1);
    return {
      landed: last && { rows: rows.length, ...keyOf(last) },
      append: async (batch) => {
        this.#step('append');
        if (batch.offset !== rows.length) throw new Error(`offset ${batch.offset}`);
        this.batches.push(batch);
        rows.push(...batch.rows);
      },
      commit: async (summary) => this.#commit(exported, summary),
      abort: async () => void this.steps.push('abort'),
    };
  }

  async find(exported: Omit<Export, 'attempt'>): Promise<Receipt | undefined> {
    return this.#kept(exported).receipt;
  }

  #commit(exported: Export, { rows: count }: ExportSummary): Receipt {
    this.#step('commit');
    const kept = this.#kept(exported);
    if (count !== kept.rows.length) throw new Error(`${count} rows`);
    this.committed.push(...kept.rows);
    kept.receipt = { rows: count, location: 'memory' };
    return kept.receipt;
  }

  #kept({ fingerprint }: Omit<Export, 'attempt'>) {
    const kept = this.#exports.get(fingerprint) ?? { rows: [] };
    this.#exports.set(fingerprint, kept);
    return kept;
  }

  #step(step: Step): void {
    this.steps.push(step);
    this.onStep(step, this.steps.filter((other) => other === step).length);
  }
}
