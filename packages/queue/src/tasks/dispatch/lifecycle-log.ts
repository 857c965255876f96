/**
 * Logs what happens to each task in a dispatcher, one line for each event, at `debug`. An attempt that fails, and
 * a task that is dead, have lines of a higher level (attempt.ts). While debug is off, nothing is put together.
 */
import type { Log, LogFields } from '../../foundations/log.ts';
import type { Lease } from '../task.ts';
import type { Outcome } from './handler.ts';

const ENDS: Readonly<Partial<Record<Outcome, string>>> = {
  done: 'task completed',
  released: 'task released',
  lost: 'lease lost',
};

export class LifecycleLog {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  leased(leases: readonly Lease[]): void {
    if (this.#isOff()) return;
    for (const lease of leases) {
      const leaseUntil = new Date(lease.leaseUntil).toISOString();
      this.#write('task leased', lease, { leaseUntil });
    }
  }

  begun(lease: Lease): void {
    if (!this.#isOff()) this.#write('attempt begun', lease);
  }

  extended(leases: readonly Lease[], leaseMs: number): void {
    if (this.#isOff()) return;
    for (const lease of leases) this.#write('lease extended', lease, { leaseMs });
  }

  ended(lease: Lease, outcome: Outcome, durationMs: number): void {
    const message = ENDS[outcome];
    if (message !== undefined && !this.#isOff()) this.#write(message, lease, { durationMs });
  }

  drained(): void {
    if (!this.#isOff()) this.#log.debug('dispatcher drained');
  }

  #isOff(): boolean {
    return this.#log.isDebugEnabled === false;
  }

  #write(message: string, { type, id, attempt }: Lease, more: LogFields = {}): void {
    this.#log.debug(message, { type, id, attempt, ...more });
  }
}
