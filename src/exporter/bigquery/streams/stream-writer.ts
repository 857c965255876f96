/**
 * Appends rows to one committed stream, each request at its offset, many on their way at once. Nobody else
 * writes to the stream, so its offsets tell what has landed:
 *
 * - If a connection is lost, all requests without a response are sent again at the same offsets. A stream
 *   that has rows at an offset already (`exists`) has those of the first try.
 * - A `gap` means that an earlier request has not landed: everything from the last acknowledged one on is
 *   sent again.
 * - If rows are rejected, none of their request lands, and no later request either. All are handed back, so
 *   that the caller can append the others at new offsets. That is safe only if no request is left from an
 *   earlier connection, which might land late, at an offset that means something else by then. If there may
 *   be one, the writer fails, and the caller finds out by finalizing the stream what has landed.
 */
import { backoffMs, CodedError, hasCode } from '@postlude/queue/foundations';
import type { Column } from '../../rows/schema.ts';
import type { ExportTable } from '../../sink.ts';
import type { AppendConnection, AppendResponse, RowError, StreamClient } from '../clients/ports.ts';
import { CALL_BACKOFF, MAX_CALL_ATTEMPTS, type TableCalls } from '../tables/table-calls.ts';
import type { AppendOutcome, RowWriter } from './row-writer.ts';

export interface StreamWriterParts {
  readonly client: Pick<StreamClient, 'connect'>;
  readonly calls: TableCalls;
  readonly columns: readonly Column[];
  readonly table: ExportTable;
  readonly stream: string;
}

interface Entry {
  readonly offset: number;
  readonly rows: readonly Uint8Array[];
  readonly outcome: PromiseWithResolvers<AppendOutcome>;
  sends: number;
}

/** A service that is silent for so long while it owes a response has lost the connection. */
const SILENCE_MS = 60_000;

export class StreamWriter implements RowWriter<Uint8Array> {
  readonly stream: string;
  readonly #parts: StreamWriterParts;
  #signal: AbortSignal | undefined;
  #nextOffset = 0;
  #connection: AppendConnection | undefined;
  /** Requests that are not acknowledged, in the order of their offsets. */
  #entries: Entry[] = [];
  /** How many of them have been sent on this connection. */
  #sent = 0;
  /** Reconnects since the last acknowledgement. */
  #resets = 0;
  #isPausing = false;
  #draining: { readonly rows: readonly RowError[]; left: number } | undefined;
  #failure: CodedError | undefined;
  #acknowledged = 0;
  /** Ends the watch for a response. */
  #watcher: AbortController | undefined;

  constructor(parts: StreamWriterParts) {
    this.#parts = parts;
    this.stream = parts.stream;
  }

  /** The offset of the next row to be appended. */
  get nextOffset(): number {
    return this.#nextOffset;
  }

  /** Whether all that was appended has been acknowledged, so that another export may go on. */
  get isClean(): boolean {
    return this.#failure === undefined && this.#entries.length === 0;
  }

  /** Begins an export, which ends with `signal`. The writer must be clean. */
  use(signal: AbortSignal | undefined): void {
    this.#signal = signal;
    this.#acknowledged = 0;
    this.#resets = 0;
  }

  /** Throws what no reconnect can mend. `not-found`: the stream is gone. */
  append(rows: readonly Uint8Array[]): Promise<AppendOutcome> {
    if (this.#failure) return Promise.reject(this.#failure);
    const outcome = Promise.withResolvers<AppendOutcome>();
    // Callers await outcomes in order, so a later one may fail before anybody awaits it.
    outcome.promise.catch(() => undefined);
    this.#entries.push({ offset: this.#nextOffset, rows, outcome, sends: 0 });
    this.#nextOffset += rows.length;
    this.#transmit();
    return outcome.promise;
  }

  /** Whether nothing of this export can be in the stream, as all its requests were refused. */
  get isUntouched(): boolean {
    return this.#acknowledged === 0 && this.#resets === 0;
  }

  close(): void {
    this.#fail(new CodedError('unavailable', `the writer of ${this.stream} is closed`));
  }

  #transmit(): void {
    if (this.#isPausing || this.#draining || this.#failure) return;
    this.#connection ??= this.#connect();
    for (const entry of this.#entries.slice(this.#sent)) {
      entry.sends++;
      this.#sent++;
      this.#connection.send({ offset: entry.offset, rows: entry.rows });
    }
    this.#watch();
  }

  #connect(): AppendConnection {
    const isCurrent = (): boolean => this.#connection === connection;
    const { client, columns } = this.#parts;
    const connection = client.connect(this.stream, columns, {
      onResponse: (response) => isCurrent() && this.#received(response),
      onEnd: (error) => isCurrent() && this.#ended(error),
    });
    return connection;
  }

  #received(response: AppendResponse): void {
    const [head] = this.#entries;
    if (this.#draining) this.#drain(this.#draining, response);
    else if (head) this.#respond(head, response);
  }

  #respond(head: Entry, response: AppendResponse): void {
    switch (response.kind) {
      case 'appended':
        this.#acknowledge(head);
        break;
      case 'exists':
        if (head.sends > 1) this.#acknowledge(head);
        else this.#fail(this.#unavailable(`has rows at offset ${head.offset} that are not ours`));
        break;
      case 'gap':
        this.#trouble(this.#unavailable('has a gap'));
        break;
      case 'rejected':
        this.#reject(response.rows);
        break;
      case 'failed':
        this.#trouble(response.error);
        break;
    }
  }

  #acknowledge(head: Entry): void {
    this.#entries.shift();
    this.#sent--;
    this.#resets = 0;
    this.#acknowledged++;
    if (this.#entries.length === 0) this.#endWatch();
    this.#parts.calls.pauses.succeeded(this.#parts.table);
    head.outcome.resolve({ kind: 'appended' });
  }

  #reject(rows: readonly RowError[]): void {
    if (this.#entries.some(({ sends }) => sends > 1)) {
      this.#fail(this.#unavailable('rejects rows after a lost connection'));
    } else {
      this.#draining = { rows, left: this.#sent - 1 };
      this.#finishDraining();
    }
  }

  /** Waits for the responses to all later requests, none of which can have landed. */
  #drain(draining: { left: number }, { kind }: AppendResponse): void {
    draining.left--;
    if (kind === 'appended') this.#fail(this.#unavailable('has appended rows after a gap'));
    else this.#finishDraining();
  }

  #finishDraining(): void {
    const draining = this.#draining;
    const [head, ...later] = this.#entries;
    if (draining === undefined || draining.left > 0 || head === undefined) return;
    this.#draining = undefined;
    this.#entries = [];
    this.#sent = 0;
    this.#nextOffset = head.offset;
    this.#endWatch();
    head.outcome.resolve({ kind: 'rejected', rows: draining.rows });
    for (const { outcome } of later) outcome.resolve({ kind: 'displaced' });
  }

  #ended(error: CodedError): void {
    this.#endWatch();
    this.#connection = undefined;
    this.#sent = 0;
    if (this.#draining) this.#fail(this.#unavailable('lost its connection while draining'));
    else if (this.#entries.length > 0) this.#trouble(error);
  }

  /** Connects again and sends everything again, unless that is of no use. */
  #trouble(error: CodedError): void {
    this.#disconnect();
    const mayPass = hasCode(error, 'unavailable', 'resource-exhausted');
    if (mayPass) this.#resets++;
    if (!mayPass || this.#resets >= MAX_CALL_ATTEMPTS) {
      this.#fail(error);
      return;
    }
    this.#isPausing = true;
    this.#pause(error)
      .then(() => {
        this.#isPausing = false;
        this.#transmit();
      })
      .catch((failure: CodedError) => this.#fail(failure));
  }

  async #pause(error: CodedError): Promise<void> {
    const { calls, table } = this.#parts;
    if (error.code === 'resource-exhausted') {
      calls.pauses.exhausted(table, error.message);
      await calls.pauses.wait(table, this.#signal);
    } else {
      const delayMs = backoffMs(CALL_BACKOFF, this.#resets, calls.random);
      await calls.clock.sleep(delayMs, this.#signal);
    }
    this.#signal?.throwIfAborted();
  }

  #watch(): void {
    if (this.#watcher || this.#entries.length === 0) return;
    this.#watcher = new AbortController();
    void this.#expectResponses(this.#watcher.signal);
  }

  #endWatch(): void {
    this.#watcher?.abort();
    this.#watcher = undefined;
  }

  /** Gives a connection up that stays silent. */
  async #expectResponses(signal: AbortSignal): Promise<void> {
    for (;;) {
      const [awaited] = this.#entries;
      await this.#parts.calls.clock.sleep(SILENCE_MS, signal);
      if (signal.aborted) return;
      if (this.#entries[0] === awaited) break;
    }
    this.#disconnect();
    this.#ended(this.#unavailable('does not respond'));
  }

  #disconnect(): void {
    this.#endWatch();
    this.#connection?.close();
    this.#connection = undefined;
    this.#sent = 0;
  }

  #fail(error: CodedError): void {
    this.#failure ??= error;
    this.#disconnect();
    const entries = this.#entries;
    this.#entries = [];
    for (const { outcome } of entries) outcome.reject(this.#failure);
  }

  #unavailable(what: string): CodedError {
    return new CodedError('unavailable', `BigQuery: ${this.stream} ${what}`);
  }
}
