/** Records an artifact whose content arrives as a stream: whole and as announced, or not at all. */
import { createHash } from 'node:crypto';
import type { NewArtifact } from '../../artifacts/artifact.ts';
import { hasArtifact, recordArtifacts } from '../../artifacts/artifacts.ts';
import { MAX_INLINE_BYTES } from '../../artifacts/limits.ts';
import type { InvocationId } from '../../invocations/id.ts';
import { requireActiveInvocation } from '../../invocations/invocations.ts';
import { mutateInvocation } from '../recorder/mutate-invocation.ts';
import type { RecorderParts } from '../recorder/parts.ts';
import { requireUpdateToken } from '../recorder/update-token.ts';
import type { CallContext } from '../shared/call-context.ts';
import { invalid } from '../shared/field.ts';

/** What is announced of an artifact, and its content. */
export interface ArtifactUpload {
  readonly invocationId: InvocationId;
  readonly announced: Omit<NewArtifact, 'content'>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** The content is not read if it is there already, or if it cannot be recorded. */
export async function uploadArtifact(
  parts: RecorderParts,
  upload: ArtifactUpload,
  context: CallContext,
): Promise<void> {
  const { announced, body, invocationId: id } = upload;
  requireUpdateToken(parts.updateTokens, context.updateTokens, id);
  requireSize(announced);
  const isThere = await parts.db.read(async (tx) => {
    await requireActiveInvocation(tx, id);
    return await hasArtifact(tx, { ...announced, invocationId: id });
  }, context);
  if (isThere) return;
  const content = await receive(body, announced);
  const given = [{ ...announced, content }];
  await mutateInvocation({ parts, context, id }, (tx) =>
    recordArtifacts(tx, id, { given, now: parts.clock.now() }),
  );
}

function requireSize({ sizeBytes }: ArtifactUpload['announced']): void {
  if (sizeBytes <= MAX_INLINE_BYTES) return;
  throw invalid(`Content-Length: ${sizeBytes} bytes; at most ${MAX_INLINE_BYTES} are stored`);
}

/** Throws `invalid-argument` unless the content is what was announced. */
async function receive(
  body: AsyncIterable<Uint8Array>,
  { sha256, sizeBytes }: ArtifactUpload['announced'],
): Promise<Uint8Array> {
  const content = Buffer.alloc(sizeBytes);
  let received = 0;
  for await (const chunk of body) {
    if (received + chunk.length > sizeBytes) throw wrongSize(received + chunk.length);
    content.set(chunk, received);
    received += chunk.length;
  }
  if (received < sizeBytes) throw wrongSize(received);
  const digest = createHash('sha256').update(content).digest('hex');
  if (digest !== sha256) throw invalid(`Content-Hash: that of the content is sha256:${digest}`);
  return content;
}

function wrongSize(received: number): Error {
  return invalid(`Content-Length: the content has ${received} bytes`);
}
