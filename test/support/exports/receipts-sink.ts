/** A sink that keeps one receipt for each place, as a folder does, and counts what was committed. */
import type { Export, Receipt, Sink, SinkSession } from '../../../src/exporter/sink.ts';

export class ReceiptsSink implements Sink {
  readonly receipts = new Map<string, Receipt & { readonly fingerprint: string }>();
  /** The fingerprints of all commits, in their order. */
  readonly commits: string[] = [];

  async begin(exported: Export): Promise<SinkSession | Receipt> {
    const found = await this.find(exported);
    return (
      found ?? {
        append: async () => undefined,
        commit: async () => this.#commit(exported),
        abort: async () => undefined,
      }
    );
  }

  async find(exported: Omit<Export, 'attempt'>): Promise<Receipt | undefined> {
    const there = this.receipts.get(placeOf(exported));
    return there?.fingerprint === exported.fingerprint ? there : undefined;
  }

  #commit(exported: Export): Receipt {
    const { attempt, fingerprint } = exported;
    const receipt = { rows: 0, location: `attempt ${attempt}`, fingerprint };
    this.receipts.set(placeOf(exported), receipt);
    this.commits.push(fingerprint);
    return receipt;
  }
}

function placeOf({ index, invocationId }: Omit<Export, 'attempt'>): string {
  return `${invocationId} ${index}`;
}
