/** Object storage that speaks the protocol of Amazon S3. */
import type { S3Client } from '@aws-sdk/client-s3';
import { readPart } from '../file-part.ts';
import type { Expected, ObjectInfo, ObjectStore, PutOutcome, PutRequest } from '../object-store.ts';
import { explainS3, isConflict, isMissing } from './s3-errors.ts';
import type { S3Library, S3StoreParts } from './s3-library.ts';
import { DEFAULT_PART_BYTES, MultipartUpload } from './s3-multipart.ts';

export class S3Store implements ObjectStore {
  readonly #parts: S3StoreParts;
  readonly #library: S3Library;
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(parts: S3StoreParts) {
    this.#parts = parts;
    this.#library = parts.library;
    this.#client = parts.client;
    this.#bucket = parts.bucket;
  }

  location(key: string): string {
    return `s3://${this.#bucket}/${key}`;
  }

  async stat(key: string): Promise<ObjectInfo | undefined> {
    const command = new this.#library.HeadObjectCommand(this.#at(key));
    const found = await this.#unlessMissing(key, () => this.#client.send(command));
    return (
      found && {
        bytes: found.ContentLength ?? 0,
        version: found.ETag ?? '',
        metadata: found.Metadata ?? {},
        writtenAt: found.LastModified?.getTime(),
      }
    );
  }

  async readText(key: string) {
    const command = new this.#library.GetObjectCommand(this.#at(key));
    return await this.#unlessMissing(key, async () => {
      const { Body, ETag = '' } = await this.#client.send(command);
      return { text: (await Body?.transformToString()) ?? '', version: ETag };
    });
  }

  async read(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const command = new this.#library.GetObjectCommand(this.#at(key));
    const found = await this.#unlessMissing(key, () => this.#client.send(command));
    return found?.Body as AsyncIterable<Uint8Array> | undefined;
  }

  async put(request: PutRequest, signal?: AbortSignal): Promise<PutOutcome> {
    const { key, content } = request;
    const wholeBytes = this.#parts.partBytes ?? DEFAULT_PART_BYTES;
    try {
      if ('path' in content && content.bytes > wholeBytes) {
        await new MultipartUpload(this.#parts, request, content).run(conditions(request), signal);
      } else {
        await this.#putWhole(request, signal);
      }
      return 'written';
    } catch (error) {
      signal?.throwIfAborted();
      if (isConflict(error) || (request.expected !== 'absent' && isMissing(error))) {
        return 'conflict';
      }
      throw explainS3(error, this.location(key));
    }
  }

  async remove(key: string): Promise<void> {
    const command = new this.#library.DeleteObjectCommand(this.#at(key));
    await this.#explained(key, () => this.#client.send(command));
  }

  async abandonUploads(key: string): Promise<void> {
    await this.#explained(key, () => MultipartUpload.abandonAll(this.#parts, key));
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  async #putWhole(request: PutRequest, signal: AbortSignal | undefined): Promise<void> {
    const { key, content, contentType, metadata } = request;
    const body = 'text' in content ? Buffer.from(content.text) : await readPart(content);
    const command = new this.#library.PutObjectCommand({
      ...this.#at(key),
      ...conditions(request),
      Body: body,
      ContentType: contentType,
      Metadata: { ...metadata },
    });
    await this.#client.send(command, signal ? { abortSignal: signal } : {});
  }

  #at(key: string) {
    return { Bucket: this.#bucket, Key: key };
  }

  /** S3 does not say whether the object or its bucket is missing; the first write tells. */
  async #unlessMissing<T>(key: string, fn: () => Promise<T>): Promise<T | undefined> {
    return await this.#explained(key, () =>
      fn().catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw error;
      }),
    );
  }

  async #explained<T>(key: string, fn: () => Promise<T>): Promise<T> {
    try {
      return await fn();
    } catch (error) {
      throw explainS3(error, this.location(key));
    }
  }
}

function conditions({ expected }: { readonly expected: Expected }) {
  return expected === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: expected.version };
}
