/**
 * Puts contents to where they are kept until the transaction that records their artifacts. Short ones go
 * into its rows; long ones are reserved and written first, so that a transaction never waits for them.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError, forEachLimit } from '@postlude/queue/foundations';
import type { AnnouncedArtifact, NewArtifact } from '../../artifacts/artifact.ts';
import { MAX_INLINE_BYTES } from '../../artifacts/limits.ts';
import { reserveContents } from '../../artifacts/unused-contents.ts';
import type { RecorderParts } from '../recorder/parts.ts';
import { invalid } from '../shared/field.ts';

export interface ArrivingContent {
  readonly announced: AnnouncedArtifact;
  /** At most once; it throws if it is cut. */
  readonly body: AsyncIterable<Uint8Array>;
}

type KeepParts = Pick<RecorderParts, 'clock' | 'contents' | 'db'>;

/** How many long contents of a batch are written at once. */
const AT_ONCE = 4;

/**
 * Returns the artifacts, ready to be recorded. Memory does not grow with the contents. Throws
 * `invalid-argument` unless each content is what was announced.
 */
export async function keepContents(
  parts: KeepParts,
  arriving: readonly ArrivingContent[],
  signal: AbortSignal,
): Promise<NewArtifact[]> {
  const long = arriving.filter(isLong);
  const keys = new Map(long.map((each) => [each, parts.contents.newKey()]));
  if (long.length > 0) {
    const now = parts.clock.now();
    await parts.db.write((tx) => reserveContents(tx, [...keys.values()], now), { signal });
  }
  await forEachLimit(keys, AT_ONCE, ([each, key]) => keepLong(parts, { ...each, key }, signal));
  const kept: NewArtifact[] = [];
  for (const each of arriving) {
    const key = keys.get(each);
    const content = key === undefined ? await receiveShort(each) : { key };
    kept.push({ ...each.announced, content });
  }
  return kept;
}

function isLong({ announced }: ArrivingContent): boolean {
  return announced.sizeBytes > MAX_INLINE_BYTES;
}

async function receiveShort({ announced, body }: ArrivingContent): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of checked(announced, body)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The file is complete before the first byte of it goes to where it is kept. */
async function keepLong(
  { contents }: KeepParts,
  { announced, body, key }: ArrivingContent & { readonly key: string },
  signal: AbortSignal,
): Promise<void> {
  await contents.withFolder(async (folder) => {
    const path = join(folder, 'content');
    const file = await open(path, 'wx', 0o600);
    try {
      for await (const chunk of checked(announced, body)) await writeAll(file, chunk);
    } finally {
      await file.close();
    }
    await contents.put(key, { path, bytes: announced.sizeBytes }, signal);
  });
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  try {
    await file.appendFile(chunk);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC')) throw cause;
    throw new CodedError('resource-exhausted', 'no room for the content of an artifact', {
      reason: 'disk-full',
      cause,
    });
  }
}

/** Yields the content, and throws at its end at the latest if it is not what was announced. */
async function* checked(
  { sha256, sizeBytes }: AnnouncedArtifact,
  body: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256');
  let received = 0;
  for await (const chunk of body) {
    received += chunk.length;
    if (received > sizeBytes) break;
    hash.update(chunk);
    yield chunk;
  }
  if (received !== sizeBytes) {
    throw invalid(
      `Content-Length: the content has ${received > sizeBytes ? 'more' : received} bytes`,
    );
  }
  const digest = hash.digest('hex');
  if (digest !== sha256) throw invalid(`Content-Hash: that of the content is sha256:${digest}`);
}
