/**
 * One connection of AppendRows. Appends take effect in the order in which they arrive, and are answered in that
 * order. An append that cannot be read, or whose stream cannot be written to, ends the connection; every other
 * error is an answer, after which the connection goes on.
 */
import { protos } from '@google-cloud/bigquery-storage';
import { type GrpcCode, injectedError, WriteError } from './errors.ts';
import type { Fault, FaultPlan } from './faults.ts';
import type { GrpcCall } from './grpc-server.ts';
import { ProtoRows, RowError, schemaMessage } from './proto-rows.ts';
import type { Field } from './schema.ts';
import type { Row } from './values.ts';
import { quotaError, type Warehouse } from './warehouse.ts';
import type { WriteStream } from './write-stream.ts';

const v1 = protos.google.cloud.bigquery.storage.v1;
type Response = protos.google.cloud.bigquery.storage.v1.IAppendRowsResponse;
type Request = protos.google.cloud.bigquery.storage.v1.AppendRowsRequest;
type RowErrors = protos.google.cloud.bigquery.storage.v1.IRowError[];

const MAX_ROW_ERRORS = 100;

export interface Backend {
  readonly warehouse: Warehouse;
  readonly faults: FaultPlan;
}

export async function appendRows(call: GrpcCall, backend: Backend): Promise<void> {
  await new AppendConnection(call, backend).run();
}

/** An error after which the connection goes on. */
class AnsweredError extends Error {
  readonly answer: Response;

  constructor(error: WriteError, rowErrors: RowErrors = []) {
    super(error.message, { cause: error });
    this.answer = { error: error.toStatus(), rowErrors };
  }
}

class AppendConnection {
  readonly #call: GrpcCall;
  readonly #warehouse: Warehouse;
  readonly #faults: FaultPlan;
  readonly #openedAt: number;
  #usedAt: number;
  #stream: WriteStream | undefined;
  #descriptor: protos.google.protobuf.IDescriptorProto | undefined;
  #decoder: { readonly rows: ProtoRows; readonly fields: readonly Field[] } | undefined;
  /** Resolves once all answers so far have been sent. */
  #answers: Promise<void> = Promise.resolve();
  #inFlightBytes = 0;

  constructor(call: GrpcCall, { warehouse, faults }: Backend) {
    this.#call = call;
    this.#warehouse = warehouse;
    this.#faults = faults;
    this.#openedAt = warehouse.clock.now();
    this.#usedAt = this.#openedAt;
  }

  async run(): Promise<void> {
    this.#warehouse.connections++;
    try {
      void this.#closeInTime();
      for await (const bytes of this.#call.requests()) this.#step(bytes);
      await this.#answers;
      this.#call.end();
    } catch (error) {
      if (!this.#call.hasEnded) await this.#answers;
      this.#call.fail(error);
    } finally {
      this.#warehouse.connections--;
      if (this.#stream?.closeWriter === this.#close) this.#stream.closeWriter = undefined;
    }
  }

  /** Ends the connection when it has been idle for too long, or open for too long. */
  async #closeInTime(): Promise<void> {
    const { clock, limits } = this.#warehouse;
    const { signal } = this.#call;
    while (!signal.aborted) {
      const idleMs = this.#usedAt + limits.idleConnectionMs - clock.now();
      const openMs = this.#openedAt + limits.connectionMs - clock.now();
      if (openMs <= 0)
        return this.#call.fail(this.#error('UNAVAILABLE', 'the connection is draining'));
      if (idleMs <= 0) {
        const seconds = limits.idleConnectionMs / 1000;
        const message = `Closing the stream because it has been inactive for ${seconds} seconds.`;
        return this.#call.fail(this.#error('ABORTED', message));
      }
      await clock.sleep(Math.min(idleMs, openMs), signal);
    }
  }

  readonly #close = (): void => {
    const message = 'The connection is closed because another one writes to the stream.';
    this.#call.fail(this.#error('ABORTED', message));
  };

  /** One append. Throws an error that ends the connection. */
  #step(bytes: Uint8Array): void {
    this.#usedAt = this.#warehouse.clock.now();
    const fault = this.#faults.arrive('AppendRows');
    this.#fail(fault, 'before');
    if (fault?.kind === 'late') {
      this.#call.cut();
      void this.#landLate(bytes, fault.until);
      return;
    }
    this.#takeInFlight(bytes.length);
    const answer = this.#answerTo(bytes, fault?.kind === 'in-response' ? fault.code : undefined);
    this.#fail(fault, 'after');
    this.#answers = this.#answerLater(answer, {
      earlier: this.#answers,
      bytes: bytes.length,
      until: fault?.kind === 'slow' ? fault.until : undefined,
    });
  }

  /** Whether the append can still take effect is decided when it arrives at last. */
  async #landLate(bytes: Uint8Array, until: Promise<void>): Promise<void> {
    await until;
    try {
      this.#answerTo(bytes);
    } catch (error) {
      if (!(error instanceof WriteError)) throw error;
    }
  }

  async #answerLater(
    answer: Response,
    after: {
      readonly earlier: Promise<void>;
      readonly bytes: number;
      readonly until: Promise<void> | undefined;
    },
  ): Promise<void> {
    await after.earlier;
    await after.until;
    this.#inFlightBytes -= after.bytes;
    this.#call.send(v1.AppendRowsResponse.encode(answer).finish());
  }

  #fail(fault: Fault | undefined, when: 'before' | 'after'): void {
    if (fault?.kind === 'cut' && fault.when === when) {
      this.#call.cut();
      throw injectedError('UNAVAILABLE');
    }
    if (fault?.kind === 'status' && fault.when === when) throw injectedError(fault.code);
  }

  #takeInFlight(bytes: number): void {
    this.#inFlightBytes += bytes;
    this.#warehouse.countInFlight(this.#inFlightBytes);
    if (this.#inFlightBytes > this.#warehouse.limits.inFlightBytes) {
      const error = quotaError('AppendRows throughput', this.#stream?.name ?? '');
      this.#call.fail(error); // at once, as the answers may not come
      throw error;
    }
  }

  #answerTo(bytes: Uint8Array, refusal?: GrpcCode): Response {
    try {
      return this.#append(bytes, refusal);
    } catch (error) {
      if (error instanceof AnsweredError) return { ...error.answer, ...this.#target() };
      throw error;
    }
  }

  #append(bytes: Uint8Array, refusal: GrpcCode | undefined): Response {
    const { appendBytes } = this.#warehouse.limits;
    if (bytes.length >= appendBytes) {
      const message = `AppendRows request too large: ${bytes.length} limit ${appendBytes}`;
      throw this.#error('INVALID_ARGUMENT', message);
    }
    const request = v1.AppendRowsRequest.decode(bytes);
    const stream = this.#open(request);
    const offset = request.offset ? Number(request.offset.value ?? 0) : undefined;
    answered(() => stream.checkAppend(offset));
    const { updatedSchema, rows } = this.#rowsOf(request, stream);
    if (refusal) throw new AnsweredError(injectedError(refusal));
    const first = stream.append(rows);
    return {
      appendResult: first === undefined ? {} : { offset: { value: first } },
      ...(updatedSchema ? { updatedSchema } : {}),
      ...this.#target(),
    };
  }

  #target(): Response {
    return this.#stream ? { writeStream: this.#stream.name } : {};
  }

  /** The stream that the request names, or that of the request before. */
  #open({ writeStream }: Request): WriteStream {
    const name = writeStream || this.#stream?.name;
    if (!name) throw this.#error('INVALID_ARGUMENT', "Cannot route on empty project id ''");
    const stream = this.#warehouse.stream(name);
    const isSame = this.#stream?.name === stream.name && this.#stream.table === stream.table;
    if (this.#stream && !isSame) this.#leave(stream);
    stream.checkOpen();
    if (!isSame) this.#stream = stream;
    this.#takeOver(stream);
    return stream;
  }

  /** Only the default streams of tables can share a connection. */
  #leave(next: WriteStream): void {
    if (this.#stream?.type !== 'DEFAULT' || next.type !== 'DEFAULT') {
      throw this.#error('INVALID_ARGUMENT', `The connection cannot switch to stream ${next.name}.`);
    }
    this.#descriptor = undefined;
    this.#decoder = undefined;
  }

  #takeOver(stream: WriteStream): void {
    const { limits, connections } = this.#warehouse;
    if (connections > limits.connections) throw quotaError('Concurrent connections', stream.name);
    if (stream.type === 'DEFAULT' || limits.secondConnection === 'both-append') return;
    if (this.#call.hasEnded) return; // what arrives late takes the stream from nobody
    if (stream.closeWriter === this.#close) return;
    stream.closeWriter?.();
    stream.closeWriter = this.#close;
  }

  #rowsOf(
    { protoRows }: Request,
    stream: WriteStream,
  ): { readonly rows: readonly Row[]; readonly updatedSchema?: Response['updatedSchema'] } {
    const serialized = protoRows?.rows?.serializedRows ?? [];
    if (serialized.length === 0)
      throw new AnsweredError(stream.error('INVALID_ARGUMENT', 'Rows must be specified.'));
    const before = this.#decoder?.fields;
    const decoder = this.#decoderOf(protoRows?.writerSchema?.protoDescriptor ?? undefined, stream);
    const rows = this.#decode(serialized, decoder, stream);
    const isUpdated = before !== undefined && before !== stream.table.writableFields;
    return isUpdated
      ? { rows, updatedSchema: schemaMessage(stream.table.writableFields) }
      : { rows };
  }

  #decoderOf(
    descriptor: protos.google.protobuf.IDescriptorProto | undefined,
    stream: WriteStream,
  ): ProtoRows {
    const fields = stream.table.writableFields;
    if (!descriptor && this.#decoder?.fields === fields) return this.#decoder.rows;
    this.#descriptor = descriptor ?? this.#descriptor;
    const known = this.#descriptor;
    if (!known) {
      const message = 'The writer schema has to be set in the first request of a connection.';
      throw new AnsweredError(stream.error('INVALID_ARGUMENT', message));
    }
    const compile = (): ProtoRows => new ProtoRows(known, fields, stream.name);
    const isAnswered = this.#warehouse.limits.schemaMismatch === 'is-answered';
    const rows = isAnswered ? answered(compile) : compile();
    this.#decoder = { rows, fields };
    return rows;
  }

  /** If a row is refused, none of the request lands. */
  #decode(serialized: readonly Uint8Array[], decoder: ProtoRows, stream: WriteStream): Row[] {
    const rowErrors: RowErrors = [];
    const rows = serialized.flatMap((bytes, index) => {
      const row = this.#decodeRow(bytes, decoder);
      if (!(row instanceof RowError)) return [row];
      rowErrors.push({ index, code: v1.RowError.RowErrorCode.FIELDS_ERROR, message: row.message });
      return [];
    });
    if (rowErrors.length === 0) return rows;
    const message =
      'Errors found while processing rows. Please refer to the row_errors field for details. The list may not be complete because of the size limitations.';
    const error = stream.error('INVALID_ARGUMENT', message);
    throw new AnsweredError(error, rowErrors.slice(0, MAX_ROW_ERRORS));
  }

  #decodeRow(bytes: Uint8Array, decoder: ProtoRows): Row | RowError {
    const { limits } = this.#warehouse;
    if (bytes.length > limits.rowBytes) {
      return new RowError(`Row is too large: ${bytes.length} bytes, limit ${limits.rowBytes}.`);
    }
    try {
      const row = decoder.decode(bytes);
      const reason = this.#warehouse.rejects(row);
      return reason === undefined ? row : new RowError(reason);
    } catch (error) {
      if (error instanceof RowError) return error;
      throw error;
    }
  }

  #error(code: GrpcCode, message: string): WriteError {
    return new WriteError(code, message, { entity: this.#stream?.name ?? '' });
  }
}

/** Turns an error of the append into an answer, so that the connection goes on. */
function answered<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw error instanceof WriteError ? new AnsweredError(error) : error;
  }
}
