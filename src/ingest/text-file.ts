/**
 * Reads a file as text, in chunks. The encoding is that of the byte order mark, or else the one that the
 * bytes or an XML declaration show, or else UTF-8. Bytes that are invalid in the encoding are replaced,
 * and counted.
 */
import { createHash, type Hash } from 'node:crypto';
import { TextDecoder } from 'node:util';
import { openRegularFile, toError } from '@postlude/queue/foundations';
import { ReportDamage } from './report.ts';

export interface TextFile {
  /** Pieces of at most 64 Ki characters. The first is as long as the file allows. */
  readonly chunks: AsyncIterable<string>;
  /** Known once `chunks` has ended. */
  readonly contentHash: () => string;
  /** The line at which bytes were first replaced. Known once `chunks` has ended. */
  readonly firstReplacedLine: () => number | undefined;
}

const CHUNK_BYTES = 64 * 1024;
const REPLACEMENT = '\ufffd';

/** Reading `chunks` throws the errors of the file system. */
export function openTextFile(path: string): TextFile {
  const sha = createHash('sha256');
  const watch = new ReplacementWatch();
  return {
    chunks: decode(path, sha, watch),
    contentHash: () => sha.copy().digest('hex'),
    firstReplacedLine: () => watch.firstLine,
  };
}

async function* decode(path: string, sha: Hash, watch: ReplacementWatch): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined;
  for await (const bytes of readBytes(path)) {
    sha.update(bytes);
    decoder ??= decoderFor(bytes);
    const text = decoder.decode(bytes, { stream: true });
    watch.add(bytes, text, decoder.encoding);
    if (text !== '') yield text;
  }
  const rest = decoder?.decode() ?? '';
  if (rest !== '') {
    watch.add(Buffer.alloc(0), rest, decoder?.encoding ?? '');
    yield rest;
  }
}

async function* readBytes(path: string): AsyncGenerator<Buffer> {
  const file = await openRegularFile(path);
  if (file === undefined) throw new ReportDamage(1, 'not a file that can be read twice');
  const buffer = Buffer.alloc(CHUNK_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

function decoderFor(head: Buffer): TextDecoder {
  const label = encodingOf(head);
  try {
    return new TextDecoder(label);
  } catch (error) {
    throw new ReportDamage(1, `the encoding ${label} is not known`, { cause: toError(error) });
  }
}

function encodingOf(head: Buffer): string {
  const start = head.toString('latin1', 0, 200);
  if (start.startsWith('\xff\xfe') || start.startsWith('<\0')) return 'utf-16le';
  if (start.startsWith('\xfe\xff') || start.startsWith('\0<')) return 'utf-16be';
  if (start.startsWith('\xef\xbb\xbf')) return 'utf-8';
  const declared = /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/.exec(start)?.[1];
  // A file that declares UTF-16 in single bytes was re-encoded and kept its declaration.
  return declared === undefined || /^utf-?16/i.test(declared) ? 'utf-8' : declared;
}

/** Distinguishes replacement characters that decoding has inserted from those that the file itself holds. */
class ReplacementWatch {
  firstLine: number | undefined;
  #line = 1;
  #inText = 0;
  #inBytes = 0;
  #carry: Buffer = Buffer.alloc(0);

  add(bytes: Buffer, text: string, encoding: string): void {
    if (this.firstLine !== undefined) return;
    const own = encoding === 'utf-8' ? this.#ownReplacements(bytes) : 0;
    const found = text.split(REPLACEMENT).length - 1;
    this.#inBytes += own;
    this.#inText += found;
    const first = found > 0 && this.#inText > this.#inBytes ? text.indexOf(REPLACEMENT) : -1;
    if (first >= 0) this.firstLine = this.#line + countLines(text.slice(0, first));
    this.#line += countLines(text);
  }

  #ownReplacements(bytes: Buffer): number {
    const seen = Buffer.concat([this.#carry, bytes]);
    this.#carry = seen.subarray(Math.max(0, seen.length - 2));
    let count = 0;
    for (let at = seen.indexOf(REPLACEMENT); at >= 0; at = seen.indexOf(REPLACEMENT, at + 3)) {
      count += 1;
    }
    return count;
  }
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}
