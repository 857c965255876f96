import { CodedError } from '@postlude/queue/foundations';
import { readArtifact } from '../../artifacts/artifacts.ts';
import type { Artifact } from '../../gen/luci/resultdb/v1/artifact_pb.js';
import type { GetArtifactRequest } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import type { ResultDbParts } from '../resultdb/parts.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { requireInRealms } from '../shared/readable.ts';
import { toArtifactMessage } from './artifact-message.ts';
import { parseArtifactName } from './artifact-name.ts';

export async function getArtifact(
  parts: ResultDbParts,
  { name }: GetArtifactRequest,
  context: CallContext,
): Promise<Artifact> {
  const key = inField('name', () => parseArtifactName(name));
  await requireInRealms(parts, context, {
    permission: 'resultdb.artifacts.get',
    ids: [key.invocationId],
  });
  const artifact = await parts.db.read((tx) => readArtifact(tx, key), context);
  if (!artifact) throw new CodedError('not-found', `${name} does not exist`);
  return toArtifactMessage(artifact, parts.fetchUrls.of(artifact, context));
}
