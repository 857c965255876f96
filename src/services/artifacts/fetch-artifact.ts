/** Reads the content of an artifact for the holder of a signed URL. */
import { CodedError } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { Artifact, ArtifactKey } from '../../artifacts/artifact.ts';
import { readContent } from '../../artifacts/artifacts.ts';
import type { Contents } from '../../artifacts/contents.ts';
import type { CallContext } from '../shared/call-context.ts';
import { artifactName } from './artifact-name.ts';
import type { FetchUrls } from './fetch-urls.ts';

export interface FetchParts {
  readonly db: Database;
  readonly contents: Pick<Contents, 'read'>;
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

export interface FetchedArtifact extends Artifact {
  readonly content: AsyncIterable<Uint8Array>;
}

/** Throws `not-found` if the artifact is gone, or if another one has its name. */
export async function fetchArtifact(
  { contents, db }: Pick<FetchParts, 'contents' | 'db'>,
  { key, digest }: { readonly key: ArtifactKey; readonly digest: string },
  { signal }: Pick<CallContext, 'signal'>,
): Promise<FetchedArtifact> {
  const artifact = await db.read((tx) => readContent(tx, key), { signal });
  if (artifact?.sha256 !== digest) {
    throw new CodedError('not-found', 'this artifact does not exist any more');
  }
  const { content } = artifact;
  if (content instanceof Uint8Array) return { ...artifact, content: inOne(content) };
  const stream = await contents.read(content.key);
  if (stream !== undefined) return { ...artifact, content: stream };
  throw new CodedError('data-loss', `the content ${content.key} of ${artifactName(key)} is gone`);
}

async function* inOne(content: Uint8Array): AsyncIterable<Uint8Array> {
  yield content;
}
