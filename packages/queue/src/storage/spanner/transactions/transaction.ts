/** A buffered read-write transaction. Its creator commits its writes. */
import { BufferedTransaction } from '../../backend/buffered-transaction.ts';
import { type ReaderConfig, SpannerReader } from '../reads/reader.ts';

export class SpannerTransaction extends BufferedTransaction<SpannerReader> {
  constructor(config: ReaderConfig) {
    super(new SpannerReader(config));
  }

  get failure(): SpannerReader['failure'] {
    return this.reader.failure;
  }

  get transactionId(): SpannerReader['transactionId'] {
    return this.reader.transactionId;
  }
}
