/** Reads the content of an artifact for the holder of a signed URL. */
import { CodedError } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { Artifact, ArtifactKey, StoredContent } from '../../artifacts/artifact.ts';
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

export interface OpenedArtifact extends Artifact {
  /** May be called once. Throws `data-loss` if the content is gone. */
  content(): AsyncIterable<Uint8Array>;
}

/** Throws `not-found` if the artifact is gone, or if another one has its name. */
export async function fetchArtifact(
  parts: Pick<FetchParts, 'contents' | 'db'>,
  { key, digest }: { readonly key: ArtifactKey; readonly digest: string },
  context: Pick<CallContext, 'signal'>,
): Promise<OpenedArtifact> {
  const artifact = await openArtifact(parts, key, context);
  if (artifact?.sha256 === digest) return artifact;
  throw new CodedError('not-found', 'this artifact does not exist any more');
}

/** Returns `undefined` if there is no such artifact. */
export async function openArtifact(
  { contents, db }: Pick<FetchParts, 'contents' | 'db'>,
  key: ArtifactKey,
  { signal }: Pick<CallContext, 'signal'>,
): Promise<OpenedArtifact | undefined> {
  const artifact = await db.read((tx) => readContent(tx, key), { signal });
  if (artifact === undefined) return undefined;
  const { content } = artifact;
  return { ...artifact, content: () => chunksOf(content, contents) };
}

/** A content outside of the database is opened by the first read. */
async function* chunksOf(
  content: StoredContent,
  contents: FetchParts['contents'],
): AsyncIterable<Uint8Array> {
  if (content instanceof Uint8Array) {
    yield content;
    return;
  }
  const stream = await contents.read(content.key);
  if (stream === undefined) throw new CodedError('data-loss', `the content ${content.key} is gone`);
  yield* stream;
}
