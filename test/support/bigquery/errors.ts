/** Errors in the forms in which the service reports them: over HTTP, and over gRPC. */
import { protos } from '@google-cloud/bigquery-storage';
import { status } from '@grpc/grpc-js';

const { StorageError } = protos.google.cloud.bigquery.storage.v1;

export type GrpcCode = keyof typeof status;
/** A code of `StorageError`, which says more than the gRPC code. */
export type StorageCode = keyof typeof StorageError.StorageErrorCode;

const STATUSES: Readonly<Record<number, GrpcCode>> = {
  400: 'INVALID_ARGUMENT',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  412: 'FAILED_PRECONDITION',
  413: 'INVALID_ARGUMENT',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
};

/** An error of the HTTP API. */
export class ApiError extends Error {
  readonly code: number;
  /** A reason of https://cloud.google.com/bigquery/docs/error-messages. */
  readonly reason: string;

  constructor(code: number, reason: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = reason;
  }

  toJSON(): object {
    const { code, message, reason } = this;
    const errors = [{ message, domain: 'global', reason }];
    return { error: { code, message, errors, status: STATUSES[code] ?? 'UNKNOWN' } };
  }
}

/** An error of the Storage Write API. */
export class WriteError extends Error {
  readonly code: GrpcCode;
  readonly storageCode: StorageCode | undefined;
  /** The table or the stream. */
  readonly entity: string;

  constructor(
    code: GrpcCode,
    message: string,
    about: { readonly entity: string; readonly storageCode?: StorageCode },
  ) {
    super(`${message} Entity: ${about.entity}`);
    this.name = 'WriteError';
    this.code = code;
    this.entity = about.entity;
    this.storageCode = about.storageCode;
  }

  /** As `google.rpc.Status`. */
  toStatus(): protos.google.rpc.IStatus {
    return {
      code: status[this.code],
      message: this.message,
      details: this.storageCode ? [this.#detail(this.storageCode)] : [],
    };
  }

  /** What a call that fails with this error has beside its status. */
  get trailers(): Readonly<Record<string, string>> {
    if (!this.storageCode) return {};
    const detail = Buffer.from(this.#detail(this.storageCode).value as Uint8Array);
    return { 'google.cloud.bigquery.storage.v1.storageerror-bin': detail.toString('base64') };
  }

  #detail(storageCode: StorageCode): protos.google.protobuf.IAny {
    return {
      type_url: 'type.googleapis.com/google.cloud.bigquery.storage.v1.StorageError',
      value: StorageError.encode(this.toStorageError(storageCode)).finish(),
    };
  }

  toStorageError(storageCode: StorageCode): protos.google.cloud.bigquery.storage.v1.IStorageError {
    const code = StorageError.StorageErrorCode[storageCode];
    return { code, entity: this.entity, errorMessage: this.message };
  }
}

export function injectedError(code: GrpcCode): WriteError {
  return new WriteError(code, 'This fault is injected.', { entity: 'none' });
}
