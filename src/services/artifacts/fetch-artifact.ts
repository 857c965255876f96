/** Reads the content of an artifact for the holder of a signed URL. */
import { CodedError } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { ArtifactKey } from '../../artifacts/artifact.ts';
import { type ArtifactWithContent, readContent } from '../../artifacts/artifacts.ts';
import type { CallContext } from '../shared/call-context.ts';
import { artifactName } from './artifact-name.ts';
import type { FetchUrls } from './fetch-urls.ts';

export interface FetchParts {
  readonly db: Database;
  readonly fetchUrls: FetchUrls;
}

/** Returns the digest of the content that the token was issued for. Throws `permission-denied`. */
export function requireFetchToken(
  fetchUrls: Pick<FetchUrls, 'digestOf'>,
  key: ArtifactKey,
  token: string,
): string {
  const digest = fetchUrls.digestOf(artifactName(key), token);
  if (digest !== undefined) return digest;
  const problem = 'this URL has expired, or is not valid: ask for the artifact again';
  throw new CodedError('permission-denied', problem);
}

/** Throws `not-found` if the artifact is gone, or if another one has its name. */
export async function fetchArtifact(
  { db }: Pick<FetchParts, 'db'>,
  { key, digest }: { readonly key: ArtifactKey; readonly digest: string },
  { signal }: Pick<CallContext, 'signal'>,
): Promise<ArtifactWithContent> {
  const artifact = await db.read((tx) => readContent(tx, key), { signal });
  if (artifact?.sha256 === digest) return artifact;
  throw new CodedError('not-found', 'this artifact does not exist any more');
}
