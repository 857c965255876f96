/**
 * Uploads a file in parts, a few at a time, each read from the file when its turn comes. Nothing is
 * visible until all parts are completed, which the service does in one step and under a condition.
 */
import type { CompletedPart, ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';
import { type FileContent, readPart } from '../file-part.ts';
import type { PutRequest } from '../object-store.ts';
import { isNoSuchUpload } from './s3-errors.ts';
import type { S3StoreParts } from './s3-library.ts';

/** S3 accepts no smaller parts than 5 MiB. */
export const DEFAULT_PART_BYTES = 8 * 1024 * 1024;
const MAX_PARTS = 10_000;
const PARALLEL_PARTS = 3;
const MIB = 1024 * 1024;

interface Conditions {
  readonly IfMatch?: string;
  readonly IfNoneMatch?: string;
}

export class MultipartUpload {
  readonly #parts: S3StoreParts;
  readonly #request: PutRequest;
  readonly #content: FileContent;
  readonly #at: { readonly Bucket: string; readonly Key: string };

  constructor(parts: S3StoreParts, request: PutRequest, content: FileContent) {
    this.#parts = parts;
    this.#request = request;
    this.#content = content;
    this.#at = { Bucket: parts.bucket, Key: request.key };
  }

  /** Ends all uploads to a key that have not been completed, except for one. */
  static async abandonAll(
    { library, client, bucket }: S3StoreParts,
    key: string,
    except?: string,
  ): Promise<void> {
    let marker: ListMarker | undefined = {};
    while (marker) {
      const list = new library.ListMultipartUploadsCommand({
        Bucket: bucket,
        Prefix: key,
        ...marker,
      });
      const page: ListMultipartUploadsCommandOutput = await client.send(list);
      for (const { Key, UploadId } of page.Uploads ?? []) {
        if (Key !== key || UploadId === except) continue;
        const command = new library.AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId });
        await client.send(command).catch(ignoreNoSuchUpload);
      }
      marker = nextMarker(page);
    }
  }

  /** If it fails, it has ended its upload, unless the service could not be reached. */
  async run(conditions: Conditions, signal: AbortSignal | undefined): Promise<void> {
    const { library, client } = this.#parts;
    const options = signal ? { abortSignal: signal } : {};
    const { contentType, metadata } = this.#request;
    const { UploadId, $metadata } = await client.send(
      new library.CreateMultipartUploadCommand({
        ...this.#at,
        ContentType: contentType,
        Metadata: { ...metadata },
        ChecksumAlgorithm: 'CRC32',
      }),
      options,
    );
    try {
      // A response that was lost leaves an upload whose id nobody knows.
      if (($metadata.attempts ?? 1) > 1) await this.#abandonOthers(UploadId);
      const Parts = await this.#sendParts(UploadId, options);
      const MultipartUpload = { Parts };
      await client.send(
        new library.CompleteMultipartUploadCommand({
          ...this.#at,
          ...conditions,
          UploadId,
          MultipartUpload,
        }),
        options,
      );
    } catch (error) {
      const abort = new library.AbortMultipartUploadCommand({ ...this.#at, UploadId });
      // What this leaves is removed by the next attempt, or by the bucket's own rule.
      await client.send(abort).catch(() => undefined);
      throw error;
    }
  }

  async #abandonOthers(uploadId: string | undefined): Promise<void> {
    await MultipartUpload.abandonAll(this.#parts, this.#request.key, uploadId);
  }

  /** Ends after all requests have ended, also if one fails. */
  async #sendParts(uploadId: string | undefined, options: object): Promise<CompletedPart[]> {
    const partBytes = partBytesOf(this.#content.bytes, this.#parts.partBytes);
    const count = Math.ceil(this.#content.bytes / partBytes);
    const sent: CompletedPart[] = [];
    const failures: unknown[] = [];
    let next = 0;
    const sendSome = async (): Promise<void> => {
      // Each sender has one buffer, as memory outside V8's heap is collected late.
      const buffer = Buffer.allocUnsafeSlow(Math.min(partBytes, this.#content.bytes));
      while (next < count && failures.length === 0) {
        const index = next++;
        sent[index] = await this.#sendPart({ uploadId, index, partBytes, buffer }, options);
      }
    };
    const senders = Array.from({ length: Math.min(PARALLEL_PARTS, count) }, () =>
      sendSome().catch((error: unknown) => void failures.push(error)),
    );
    await Promise.all(senders);
    if (failures.length > 0) throw failures[0];
    return sent;
  }

  async #sendPart({ uploadId, index, partBytes, buffer }: PartRequest, options: object) {
    const { library, client } = this.#parts;
    const from = index * partBytes;
    const bytes = Math.min(partBytes, this.#content.bytes - from);
    const command = new library.UploadPartCommand({
      ...this.#at,
      UploadId: uploadId,
      PartNumber: index + 1,
      Body: await readPart({ path: this.#content.path, from, bytes, buffer }),
    });
    const { ETag, ChecksumCRC32 } = await client.send(command, options);
    return { PartNumber: index + 1, ETag, ChecksumCRC32 };
  }
}

interface PartRequest {
  readonly uploadId: string | undefined;
  readonly index: number;
  readonly partBytes: number;
  readonly buffer: Buffer<ArrayBuffer>;
}

/** Grows with the file in steps of a MiB, as an upload may have 10,000 parts. */
export function partBytesOf(bytes: number, least = DEFAULT_PART_BYTES): number {
  return Math.max(least, Math.ceil(bytes / MAX_PARTS / MIB) * MIB);
}

interface ListMarker {
  readonly KeyMarker?: string | undefined;
  readonly UploadIdMarker?: string | undefined;
}

function nextMarker(page: ListMultipartUploadsCommandOutput): ListMarker | undefined {
  if (!page.IsTruncated) return undefined;
  return { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
}

function ignoreNoSuchUpload(error: unknown): void {
  if (!isNoSuchUpload(error)) throw error;
}
