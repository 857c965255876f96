import type { SubmitOutcome, SubmitRequest, Submitter } from '@postlude/queue/tq';
import { SubmitError } from '@postlude/queue/tq';

/** A queue that keeps all requests, remembers names for ever, and responds as the test says. */
export class RecordingSubmitter implements Submitter {
  /** The requests of all attempts, in order. */
  readonly requests: SubmitRequest[] = [];
  readonly #taken = new Set<string>();
  answer: (request: SubmitRequest, signal: AbortSignal) => Promise<SubmitOutcome> = () =>
    Promise.resolve('submitted');

  async submit(request: SubmitRequest, signal: AbortSignal): Promise<SubmitOutcome> {
    this.requests.push(request);
    const outcome = await this.answer(request, signal);
    const name = nameOf(request);
    if (this.#taken.has(name)) return 'duplicate';
    if (name !== '') this.#taken.add(name);
    return outcome;
  }

  /** The names of the tasks that it took, sorted. */
  get taken(): string[] {
    return [...this.#taken].sort();
  }

  /** Returns how often a task of that name was submitted. */
  attemptsAt(name: string): number {
    return this.requests.filter((request) => nameOf(request) === name).length;
  }

  /** Fails tasks whose name matches, fatally or so that a later attempt may work. */
  failWhere(fits: (name: string) => boolean, isTransient: boolean): void {
    this.answer = (request) =>
      fits(nameOf(request))
        ? Promise.reject(new SubmitError('no', { isTransient, code: 'internal' }))
        : Promise.resolve('submitted');
  }
}

function nameOf(request: SubmitRequest): string {
  return request.kind === 'queue' ? (request.name ?? '') : '';
}
