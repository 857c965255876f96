/**
 * The rows of artifacts. An artifact never changes: if it is recorded again with the same content,
 * the stored one stays, and with another content it is refused.
 */
import { CodedError, type EpochMs } from '@postlude/queue/foundations';
import {
  bytes,
  type Columns,
  int,
  type Key,
  type NewRow,
  nullable,
  type Reader,
  type RowOf,
  type Transaction,
  table,
  text,
  timestamp,
} from '@postlude/queue/storage';
import { fromRowId, type InvocationId, toRowId } from '../invocations/id.ts';
import {
  type AnnouncedArtifact,
  type Artifact,
  type ArtifactKey,
  fromParentId,
  type NewArtifact,
  type StoredContent,
  toParentId,
} from './artifact.ts';

import { giveUpContents, releaseContents, useContents } from './unused-contents.ts';

/** The columns that describe an artifact: all but its content. */
export const DESCRIPTION = {
  invocationId: text,
  parentId: text,
  artifactId: text,
  contentType: text,
  artifactType: text,
  sizeBytes: int,
  sha256: text,
  createTime: timestamp,
} satisfies Columns;

export const artifacts = table(
  'artifacts',
  { ...DESCRIPTION, content: nullable(bytes), contentKey: nullable(text) },
  ['invocationId', 'parentId', 'artifactId'],
);

export type Description = RowOf<typeof DESCRIPTION>;

/**
 * Records artifacts whose ids differ. Throws `already-exists` if one of them is there with another content.
 * The caller has called `requireActive` for the invocation.
 */
export async function recordArtifacts(
  tx: Transaction,
  invocationId: InvocationId,
  { given, now }: { readonly given: readonly NewArtifact[]; readonly now: EpochMs },
): Promise<void> {
  const rows = given.map(
    ({ content, result, ...artifact }): NewRow<typeof artifacts> => ({
      ...artifact,
      invocationId: toRowId(invocationId),
      parentId: toParentId(result),
      ...(content instanceof Uint8Array ? { content } : { contentKey: content.key }),
      createTime: now,
    }),
  );
  const found = await tx.readKeys(artifacts, rows, DESCRIPTION);
  const stored = new Map(found.map((row) => [keyOf(row), row]));
  for (const row of rows) requireSameContent(stored.get(keyOf(row)), row);
  const fresh = rows.filter((row) => !stored.has(keyOf(row)));
  await useContents(tx, contentKeysOf(fresh));
  await giveUpContents(tx, contentKeysOf(rows.filter((row) => stored.has(keyOf(row)))), now);
  // If another call has recorded one of them meanwhile, this transaction runs again.
  await tx.insertNew(artifacts, fresh);
}

function contentKeysOf(rows: readonly Pick<NewRow<typeof artifacts>, 'contentKey'>[]): string[] {
  return rows.flatMap(({ contentKey }) => (contentKey === undefined ? [] : [contentKey]));
}

/** Returns those of the artifacts that are not there yet. Throws as `recordArtifacts` does. */
export async function missingArtifacts<T extends AnnouncedArtifact>(
  reader: Reader,
  invocationId: InvocationId,
  announced: readonly T[],
): Promise<T[]> {
  const keys = announced.map((artifact) => rowKeyOf({ ...artifact, invocationId }));
  const found = await reader.readKeys(artifacts, keys, DESCRIPTION);
  const stored = new Map(found.map((row) => [keyOf(row), row]));
  return announced.filter((artifact) => {
    const row = stored.get(keyOf({ ...artifact, parentId: toParentId(artifact.result) }));
    requireSameContent(row, artifact);
    return row === undefined;
  });
}

export const ARTIFACT_KEYS = {
  invocationId: text,
  parentId: text,
  artifactId: text,
  contentKey: nullable(text),
};

/** Deletes artifacts, whose contents are no longer used then. */
export async function deleteArtifacts(
  tx: Transaction,
  rows: readonly RowOf<typeof ARTIFACT_KEYS>[],
  now: EpochMs,
): Promise<void> {
  await tx.delete(artifacts, rows);
  await releaseContents(tx, contentKeysOf(rows), now);
}

function requireSameContent(
  stored: Pick<Description, 'sha256' | 'sizeBytes'> | undefined,
  { artifactId, sha256, sizeBytes }: Pick<Description, 'artifactId' | 'sha256' | 'sizeBytes'>,
): void {
  if (stored === undefined || (stored.sha256 === sha256 && stored.sizeBytes === sizeBytes)) return;
  throw new CodedError(
    'already-exists',
    `artifact ${JSON.stringify(artifactId)} exists already, with another content`,
  );
}

function keyOf({ artifactId, parentId }: Pick<Description, 'artifactId' | 'parentId'>): string {
  return JSON.stringify([parentId, artifactId]);
}

/** Returns `undefined` if there is no such artifact. */
export async function readArtifact(
  reader: Reader,
  key: ArtifactKey,
): Promise<Artifact | undefined> {
  const [row] = await reader.readKeys(artifacts, [rowKeyOf(key)], DESCRIPTION);
  return row && fromRow(row);
}

/** Returns `undefined` if there is no such artifact. */
export async function readContent(
  reader: Reader,
  key: ArtifactKey,
): Promise<(Artifact & { readonly content: StoredContent }) | undefined> {
  const [row] = await reader.readKeys(artifacts, [rowKeyOf(key)], artifacts.columns);
  return row && { ...fromRow(row), content: row.content ?? { key: row.contentKey ?? '' } };
}

function rowKeyOf({ artifactId, invocationId, result }: ArtifactKey): Key<typeof artifacts> {
  return { invocationId: toRowId(invocationId), parentId: toParentId(result), artifactId };
}

export function fromRow({ invocationId, parentId, ...row }: Description): Artifact {
  return {
    invocationId: fromRowId(invocationId),
    result: fromParentId(parentId),
    artifactId: row.artifactId,
    contentType: row.contentType,
    artifactType: row.artifactType,
    sizeBytes: row.sizeBytes,
    sha256: row.sha256,
    createTime: row.createTime,
  };
}
