/**
 * A sink in memory that can fail at any step and that keeps the rows that it was given before. So
 * does a warehouse whose streams accept rows at offsets.
 */
import type { Batch } from '../../../src/exporter/batches.ts';
import { type ExportRow, keyOf } from '../../../src/exporter/rows/row-kind.ts';
import type { TestResultRow } from '../../../src/exporter/rows/test-result-row.ts';
import type {
  Export,
  ExportSummary,
  Landed,
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
  readonly #appended: ExportRow[] = [];
  #receipt: Receipt | undefined;

  /** The visible rows that are test results. */
  get results(): TestResultRow[] {
    return this.committed.filter((row) => 'test_id' in row);
  }

  async begin(exported: Export): Promise<SinkSession | Receipt> {
    this.#step('begin');
    this.exports.push(exported);
    return {
      ...this.#landed(),
      append: async (batch) => {
        this.#step('append');
        if (batch.offset !== this.#appended.length) throw new Error(`offset ${batch.offset}`);
        this.batches.push(batch);
        this.#appended.push(...batch.rows);
      },
      commit: async (summary) => this.#commit(summary),
      abort: async () => void this.steps.push('abort'),
    };
  }

  async find(): Promise<Receipt | undefined> {
    return this.#receipt;
  }

  #commit({ rows }: ExportSummary): Receipt {
    this.#step('commit');
    if (rows !== this.#appended.length) throw new Error(`${rows} rows`);
    this.committed.push(...this.#appended);
    this.#receipt = { rows, location: 'memory' };
    return this.#receipt;
  }

  #landed(): { readonly landed?: Landed } {
    const last = this.#appended.at(-1);
    if (!last) return {};
    return { landed: { rows: this.#appended.length, ...keyOf(last) } };
  }

  #step(step: Step): void {
    this.steps.push(step);
    this.onStep(step, this.steps.filter((other) => other === step).length);
  }
}
