/** Combines two submitters: one for queues, and one for topics. */
import type { Transaction } from '../../storage/database.ts';
import type { SubmitOutcome, SubmitRequest, Submitter } from './submitter.ts';

export class SubmitterByKind implements Submitter {
  readonly #submitters: Readonly<Record<SubmitRequest['kind'], Submitter>>;

  constructor(submitters: Readonly<Record<SubmitRequest['kind'], Submitter>>) {
    this.#submitters = submitters;
  }

  submit(request: SubmitRequest, signal: AbortSignal): Promise<SubmitOutcome> {
    return this.#submitters[request.kind].submit(request, signal);
  }

  async submitIn(tx: Transaction, request: SubmitRequest): Promise<boolean> {
    return (await this.#submitters[request.kind].submitIn?.(tx, request)) ?? false;
  }
}
