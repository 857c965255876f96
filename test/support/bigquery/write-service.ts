/** The calls of `google.cloud.bigquery.storage.v1.BigQueryWrite`, except for appends. */
import { protos } from '@google-cloud/bigquery-storage';
import { appendRows } from './append-connection.ts';
import { injectedError, WriteError } from './errors.ts';
import type { Fault, FaultPlan, Operation, When } from './faults.ts';
import type { GrpcCall } from './grpc-server.ts';
import { schemaMessage } from './proto-rows.ts';
import type { Warehouse } from './warehouse.ts';
import type { StreamType, WriteStream } from './write-stream.ts';

const v1 = protos.google.cloud.bigquery.storage.v1;
export class WriteService {
  readonly #warehouse: Warehouse;
  readonly #faults: FaultPlan;

  constructor(warehouse: Warehouse, faults: FaultPlan) {
    this.#warehouse = warehouse;
    this.#faults = faults;
  }

  async handle(call: GrpcCall): Promise<void> {
    if (call.method === 'AppendRows') {
      checkRouting(call);
      return appendRows(call, { warehouse: this.#warehouse, faults: this.#faults });
    }
    const respond = this.#method(call.method);
    const request = await call.request();
    const fault = this.#faults.arrive(call.method as Operation);
    if (failed(call, fault, 'before')) return;
    if (fault?.kind === 'late') {
      call.cut();
      await fault.until;
    }
    const response = respond(request);
    if (fault?.kind === 'slow') await fault.until;
    if (failed(call, fault, 'after')) return;
    call.send(response);
    call.end();
  }

  #method(method: string): (request: Uint8Array) => Uint8Array {
    switch (method) {
      case 'CreateWriteStream':
        return (request) => this.#create(request);
      case 'GetWriteStream':
        return (request) => this.#get(request);
      case 'FinalizeWriteStream':
        return (request) => this.#finalize(request);
      case 'FlushRows':
        return (request) => this.#flush(request);
      case 'BatchCommitWriteStreams':
        return (request) => this.#commit(request);
      default:
        throw new WriteError('UNIMPLEMENTED', `No such method: ${method}`, { entity: '' });
    }
  }

  #create(request: Uint8Array): Uint8Array {
    const { parent, writeStream } = v1.CreateWriteStreamRequest.decode(request);
    const type = v1.WriteStream.Type[Number(writeStream?.type ?? 0)] as StreamType | undefined;
    const table = this.#warehouse.writableAt(parent);
    if (type !== 'COMMITTED' && type !== 'PENDING' && type !== 'BUFFERED') {
      throw new WriteError('INVALID_ARGUMENT', 'Stream type has to be set.', { entity: parent });
    }
    const stream = this.#warehouse.createStream(table, type);
    return v1.WriteStream.encode(streamMessage(stream, true)).finish();
  }

  #get(request: Uint8Array): Uint8Array {
    const { name, view } = v1.GetWriteStreamRequest.decode(request);
    const isFull = view === v1.WriteStreamView.FULL;
    return v1.WriteStream.encode(streamMessage(this.#warehouse.stream(name), isFull)).finish();
  }

  #finalize(request: Uint8Array): Uint8Array {
    const { name } = v1.FinalizeWriteStreamRequest.decode(request);
    const rowCount = this.#warehouse.stream(name).finalize();
    return v1.FinalizeWriteStreamResponse.encode({ rowCount }).finish();
  }

  #flush(request: Uint8Array): Uint8Array {
    const { writeStream, offset } = v1.FlushRowsRequest.decode(request);
    const stream = this.#warehouse.stream(writeStream);
    if (!offset) throw stream.error('INVALID_ARGUMENT', 'The offset of the flush is not set.');
    const last = Number(offset.value ?? 0);
    stream.flush(last);
    return v1.FlushRowsResponse.encode({ offset: last }).finish();
  }

  /** Commits all streams or, if one of them cannot be committed, none. */
  #commit(request: Uint8Array): Uint8Array {
    const { parent, writeStreams } = v1.BatchCommitWriteStreamsRequest.decode(request);
    const table = this.#warehouse.writableAt(parent);
    const streamErrors: protos.google.cloud.bigquery.storage.v1.IStorageError[] = [];
    const streams = [...new Set(writeStreams)].flatMap((name) => {
      try {
        const stream = this.#warehouse.stream(name);
        stream.checkCommit(table);
        return [stream];
      } catch (error) {
        if (!(error instanceof WriteError && error.storageCode)) throw error;
        streamErrors.push(error.toStorageError(error.storageCode));
        return [];
      }
    });
    if (streamErrors.length > 0) {
      return v1.BatchCommitWriteStreamsResponse.encode({ streamErrors }).finish();
    }
    const now = this.#warehouse.clock.now();
    for (const stream of streams) stream.commit(now);
    return v1.BatchCommitWriteStreamsResponse.encode({ commitTime: timestamp(now) }).finish();
  }
}

/** The service finds the region of the stream by this header, which clients have to set for appends. */
function checkRouting({ routing }: GrpcCall): void {
  if (routing.startsWith('write_stream=projects')) return;
  const message = 'The header x-goog-request-params does not name the stream.';
  throw new WriteError('INVALID_ARGUMENT', message, { entity: routing });
}

/** Lets the call fail, and returns true, if it has to. */
function failed(call: GrpcCall, fault: Fault | undefined, when: When): boolean {
  if (fault?.kind === 'cut' && fault.when === when) call.cut();
  else if (fault?.kind === 'status' && fault.when === when) call.fail(injectedError(fault.code));
  else return false;
  return true;
}

function streamMessage(
  stream: WriteStream,
  hasSchema: boolean,
): protos.google.cloud.bigquery.storage.v1.IWriteStream {
  const type = stream.type === 'DEFAULT' ? 'COMMITTED' : stream.type;
  return {
    name: stream.name,
    type: v1.WriteStream.Type[type],
    writeMode: v1.WriteStream.WriteMode.INSERT,
    location: 'us',
    createTime: timestamp(stream.createdAt),
    ...(stream.committedAt === undefined ? {} : { commitTime: timestamp(stream.committedAt) }),
    ...(hasSchema ? { tableSchema: schemaMessage(stream.table.writableFields) } : {}),
  };
}

function timestamp(ms: number): protos.google.protobuf.ITimestamp {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}
