/** Reads the responses and the errors of AppendRows. */
import { CodedError } from '@postlude/queue/foundations';
import { fromGrpcError } from './client-errors.ts';
import type { AppendResponse } from './ports.ts';

/** A google.cloud.bigquery.storage.v1.AppendRowsResponse, as protobufjs gives it. */
export interface AppendStatus {
  readonly error?: RpcStatus | null;
  readonly rowErrors?: readonly { readonly index?: unknown; readonly message?: string | null }[];
}

interface RpcStatus {
  readonly code?: number | null;
  readonly message?: string | null;
  readonly details?: readonly Detail[] | null;
}

interface Detail {
  readonly type_url?: string | null;
  readonly value?: Uint8Array | string | null;
}

/** The messages of the package that are decoded here. */
export interface StorageProtos {
  readonly rpc: { readonly Status: { decode(bytes: Uint8Array): RpcStatus } };
  readonly cloud: {
    readonly bigquery: {
      readonly storage: {
        readonly v1: {
          readonly StorageError: { decode(bytes: Uint8Array): { readonly code: number } };
        };
      };
    };
  };
}

const EXISTS = 6;
const OUT_OF_RANGE = 11;
const DETAILS = 'grpc-status-details-bin';

/** The codes of google.cloud.bigquery.storage.v1.StorageError that say more than gRPC's. */
const STREAM_IS_GONE: readonly number[] = [1, 3, 5, 6];
const EXTRA_FIELDS = 7;

export function toAppendResponse(
  { error, rowErrors = [] }: AppendStatus,
  stream: string,
  protos: StorageProtos,
): AppendResponse {
  if (!error?.code) return { kind: 'appended' };
  if (error.code === EXISTS) return { kind: 'exists' };
  if (error.code === OUT_OF_RANGE) return { kind: 'gap' };
  if (rowErrors.length > 0) return { kind: 'rejected', rows: rowErrors.map(toRowError) };
  return { kind: 'failed', error: fromStatus(error, stream, protos) };
}

/** `not-found`: the stream is gone, or takes no more rows. */
export function fromAppendError(error: Error, stream: string, protos: StorageProtos): CodedError {
  const { code, metadata } = error as Error & {
    readonly code?: number;
    readonly metadata?: { get(name: string): readonly unknown[] };
  };
  const [encoded] = metadata?.get(DETAILS) ?? [];
  const details = encoded instanceof Uint8Array ? protos.rpc.Status.decode(encoded).details : [];
  const status = { code: code ?? null, message: error.message, details: details ?? [] };
  return fromStatus(status, stream, protos);
}

function fromStatus(
  { code, message, details }: RpcStatus,
  stream: string,
  protos: StorageProtos,
): CodedError {
  const cause = Object.assign(new Error(message ?? 'no reason given'), { code });
  const error = fromGrpcError(cause, `append to ${stream}`);
  const storageCodes = (details ?? []).flatMap((detail) => storageCode(detail, protos));
  if (storageCodes.some((known) => STREAM_IS_GONE.includes(known))) {
    return new CodedError('not-found', error.message, { cause });
  }
  // BigQuery notices columns that have just been added after some minutes.
  const isSchemaOld = storageCodes.includes(EXTRA_FIELDS);
  // The outcome of the other requests of this connection is open, so they are sent again.
  if (isSchemaOld || error.code === 'already-exists') {
    return new CodedError('unavailable', error.message, { cause });
  }
  return error;
}

function storageCode({ type_url, value }: Detail, protos: StorageProtos): readonly number[] {
  if (!type_url?.endsWith('StorageError') || !(value instanceof Uint8Array)) return [];
  return [protos.cloud.bigquery.storage.v1.StorageError.decode(value).code];
}

function toRowError({ index, message }: NonNullable<AppendStatus['rowErrors']>[number]) {
  return { index: Number(index ?? 0), reason: message ?? 'no reason given' };
}
