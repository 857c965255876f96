/** Loads the client of S3, which only users of S3 have installed. */
import type { S3Client } from '@aws-sdk/client-s3';
import { loadOptional } from '@postlude/queue/foundations';

export const S3_PACKAGE = { name: '@aws-sdk/client-s3', for: 'exporting to S3' };

export type S3Library = typeof import('@aws-sdk/client-s3');

export interface S3StoreParts {
  readonly library: S3Library;
  readonly client: S3Client;
  readonly bucket: string;
  /** A file of at most this size is sent by one request; 8 MiB unless given. */
  readonly partBytes?: number;
}

export function loadS3(): Promise<S3Library> {
  return loadOptional(S3_PACKAGE, () => import('@aws-sdk/client-s3'));
}
