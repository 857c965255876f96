/**
 * The body of a request as the codec gets it: whole, decompressed, and known to be cheap to decode. What
 * is too large is refused as soon as that is known: by its announced length, or at the byte that exceeds
 * the limit. Nothing is read before the codec asks for the body, which is after authentication.
 */
import type { DescMessage } from '@bufbuild/protobuf';
import type { UniversalServerRequest } from '@connectrpc/connect/protocol';
import { formatOf } from '../../prpc/format.ts';
import { type BodyLimits, requireSize } from './body-limits.ts';
import { decompress, isCompression } from './decompression.ts';
import { GrowingBytes } from './growing-bytes.ts';
import { scanJson } from './json-scan.ts';
import { malformed } from './message-weight.ts';
import { scanText } from './text-scan.ts';
import { scanWire } from './wire-scan.ts';

type Body = AsyncIterable<Uint8Array>;

/** What is known of a body before it is read. */
interface Form extends BodyLimits {
  /** Throws if the decompressed message is too heavy to decode. */
  readonly scan: (bytes: Uint8Array) => void;
  readonly compression: string | null;
}

/** Returns the request with a body that throws CodedError. */
export function withCheckedBody(
  request: UniversalServerRequest,
  input: DescMessage,
  limits: BodyLimits,
): UniversalServerRequest {
  const type = request.header.get('content-type') ?? '';
  const body = request.body as Body;
  const scan = scanFor(type, input);
  const isConnect = /^application\/connect\+/i.test(type);
  if (!isConnect && !/^application\/grpc/i.test(type)) {
    const compression = request.header.get('content-encoding');
    const form = { ...limits, scan, compression };
    const length = Number(request.header.get('content-length') ?? 0);
    return { ...request, header: plainHeader(request.header), body: whole(body, length, form) };
  }
  const compression = request.header.get(isConnect ? 'connect-content-encoding' : 'grpc-encoding');
  const endFlag = isConnect ? 0x02 : /^application\/grpc-web/i.test(type) ? 0x80 : 0;
  return { ...request, body: framed(body, endFlag, { ...limits, scan, compression }) };
}

function scanFor(contentType: string, input: DescMessage): (bytes: Uint8Array) => void {
  if (/\bjson\b/i.test(contentType)) return scanJson;
  if (formatOf(contentType) === 'text') return scanText;
  return (bytes) => scanWire(input, bytes);
}

/** Describes the decompressed body. The response may be compressed as the request was. */
function plainHeader(header: Headers): Headers {
  const plain = new Headers(header);
  const compression = header.get('content-encoding');
  if (compression !== null && isCompression(compression)) {
    plain.delete('content-encoding');
    if (!plain.has('accept-encoding')) plain.set('accept-encoding', compression);
  }
  plain.delete('content-length');
  return plain;
}

/** The body is one message. */
async function* whole(body: Body, length: number, form: Form): Body {
  requireSize(length, form);
  const received = new GrowingBytes(form.hold);
  for await (const chunk of body) {
    requireSize(received.length + chunk.length, form);
    received.add(chunk);
  }
  yield await message(received.bytes, form);
}

const HEADER_BYTES = 5;
const COMPRESSED = 0x01;
const LARGE_BYTES = 64 * 1024;

/** Each message comes after a byte of flags and its length in four bytes. */
async function* framed(body: Body, endFlag: number, form: Form): Body {
  let frame = new Frame(form);
  for await (const chunk of body) {
    for (let rest = chunk; rest.length > 0; ) {
      rest = frame.add(rest);
      if (!frame.isWhole) continue;
      const { flags, bytes } = frame;
      const isEnd = (flags & endFlag) !== 0;
      const plain = isEnd ? bytes : await message(bytes, compressionBy(flags, form));
      yield frameHeader(isEnd ? flags : flags & ~COMPRESSED, plain.length);
      yield plain;
      frame = new Frame(form);
    }
  }
  if (!frame.isEmpty) throw malformed('it ends within a message');
}

function compressionBy(flags: number, form: Form): Form {
  if ((flags & COMPRESSED) === 0) return { ...form, compression: null };
  if (form.compression === null || form.compression === 'identity') {
    throw malformed('a message is compressed, and no header says how');
  }
  return form;
}

function frameHeader(flags: number, length: number): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(flags);
  header.writeUInt32BE(length, 1);
  return header;
}

class Frame {
  readonly #form: Form;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  readonly #message: GrowingBytes;
  #headerLength = 0;

  constructor(form: Form) {
    this.#form = form;
    this.#message = new GrowingBytes(form.hold);
  }

  get isEmpty(): boolean {
    return this.#headerLength === 0;
  }

  get isWhole(): boolean {
    return this.#headerLength === HEADER_BYTES && this.#message.length === this.#length;
  }

  get flags(): number {
    return this.#header.readUInt8();
  }

  get bytes(): Uint8Array {
    return this.#message.bytes;
  }

  get #length(): number {
    return this.#header.readUInt32BE(1);
  }

  /** Returns what does not belong to this frame. */
  add(chunk: Uint8Array): Uint8Array {
    const taken = chunk.subarray(0, HEADER_BYTES - this.#headerLength);
    this.#header.set(taken, this.#headerLength);
    this.#headerLength += taken.length;
    if (this.#headerLength < HEADER_BYTES) return chunk.subarray(taken.length);
    requireSize(this.#length, this.#form);
    const end = taken.length + this.#length - this.#message.length;
    this.#message.add(chunk.subarray(taken.length, end));
    return chunk.subarray(end);
  }
}

/** Returns the message as it can be decoded. An unknown compression is left to Connect, which refuses it. */
async function message(bytes: Uint8Array, form: Form): Promise<Uint8Array> {
  const { compression, scan } = form;
  const isCompressed = compression !== null && compression !== 'identity';
  if (isCompressed && !isCompression(compression)) return bytes;
  const plain = isCompressed ? await decompress(bytes, compression, form) : bytes;
  scan(plain);
  // Others have their turn between the scan and the decoding, neither of which can be interrupted.
  if (plain.length > LARGE_BYTES) await new Promise((resolve) => setImmediate(resolve));
  return plain;
}
