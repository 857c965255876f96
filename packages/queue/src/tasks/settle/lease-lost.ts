import { CodedError } from '../../foundations/errors.ts';
import type { LeaseId } from '../task.ts';

/** Is thrown in a transaction that was to complete tasks, and names those whose leases are lost. */
export class LeaseLostError extends CodedError {
  readonly lost: readonly LeaseId[];

  constructor(lost: readonly LeaseId[]) {
    const [{ type, id } = { type: '', id: '' }] = lost;
    const others = lost.length > 1 ? ` (and ${lost.length - 1} others)` : '';
    super('lease-lost', `this attempt at task ${type} ${id}${others} is over: its lease is lost`);
    this.lost = lost;
  }
}
