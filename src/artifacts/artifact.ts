/** A file that a test run has left. It belongs to an invocation, or to one of its test results. */
import { CodedError, type EpochMs } from '@postlude/queue/foundations';
import type { InvocationId } from '../invocations/id.ts';
import type { TestResultKey } from '../results/test-result.ts';

/** The result that an artifact belongs to. */
export type ArtifactResult = Omit<TestResultKey, 'invocationId'>;

/** Identifies an artifact. */
export interface ArtifactKey {
  readonly invocationId: InvocationId;
  /** `undefined` if it belongs to the invocation itself. */
  readonly result: ArtifactResult | undefined;
  readonly artifactId: string;
}

export interface Artifact extends ArtifactKey {
  /** Empty if it is not known. */
  readonly contentType: string;
  /** What it is, for those who read it; empty if nobody has said. */
  readonly artifactType: string;
  readonly sizeBytes: number;
  /** The SHA-256 of the content, in hex. */
  readonly sha256: string;
  readonly createTime: EpochMs;
}

/** A content: all of it, or the key of one that is kept outside of the database. */
export type StoredContent = Uint8Array | { readonly key: string };

/** What is said of an artifact before it is recorded. The invocation is given separately. */
export type AnnouncedArtifact = Omit<Artifact, 'invocationId' | 'createTime'>;

/** An artifact to record. A content outside of the database is reserved, and complete. */
export interface NewArtifact extends AnnouncedArtifact {
  readonly content: StoredContent;
}

const RESULT_PREFIX = 'tr/';

/** Returns the parent's part of a row's key: LUCI ResultDB has the same form. */
export function toParentId(result: ArtifactResult | undefined): string {
  return result === undefined ? '' : `${RESULT_PREFIX}${result.testId}/${result.resultId}`;
}

/** Converts the parent's part of a key from the database. */
export function fromParentId(parentId: string): ArtifactResult | undefined {
  if (parentId === '') return undefined;
  // Ids of tests may have slashes, and ids of results have none.
  const slash = parentId.lastIndexOf('/');
  if (!parentId.startsWith(RESULT_PREFIX) || slash < RESULT_PREFIX.length) {
    throw new CodedError('data-loss', `not the parent of an artifact: ${parentId}`);
  }
  return {
    testId: parentId.slice(RESULT_PREFIX.length, slash),
    resultId: parentId.slice(slash + 1),
  };
}
