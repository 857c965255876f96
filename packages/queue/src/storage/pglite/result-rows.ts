/**
 * Decodes the rows that PGlite's queries return. PGlite itself makes two objects for each value before it
 * decodes it, which takes longer than the query, and its decoder takes U+FEFF at the beginning of a value
 * for a byte order mark and drops it. All else in a response is left to its parser.
 */
import type { protocol } from '@electric-sql/pglite';

export type Protocol = typeof protocol;

/** The methods through which PGlite makes its queries. Not every instance has them. */
interface ProtocolInstance {
  execProtocolRawStream?(message: Uint8Array, options: RawOptions): Promise<void>;
  execProtocolStream?(message: Uint8Array, options?: MessageOptions): Promise<unknown>;
}

interface RawOptions {
  readonly syncToFs?: boolean;
  /** What it is called with is valid only during the call. */
  readonly onRawData: (data: Uint8Array) => void;
}

interface MessageOptions {
  readonly syncToFs?: boolean;
  readonly onNotice?: (notice: object) => void;
}

/** The messages that run a prepared query, and that hold a row: `E` and `D`. */
const EXECUTE = 0x45;
const DATA_ROW = 0x44;
/** A message is its type in one byte, its length without that byte in four, and its content. */
const TYPE_BYTES = 1;
const HEADER_BYTES = 5;
const NULL_LENGTH = -1;

const mended = new WeakSet<object>();

/** Decodes the rows of all later queries of the instance, those of its owner too. */
export function decodeRows(instance: object, load: () => Promise<Protocol>): void {
  const mine = instance as ProtocolInstance;
  const { execProtocolRawStream, execProtocolStream } = mine;
  if (!execProtocolRawStream || !execProtocolStream || mended.has(instance)) return;
  mended.add(instance);
  let loading: Promise<Protocol> | undefined;
  mine.execProtocolStream = async (message, options = {}) => {
    if (message[0] !== EXECUTE) return await execProtocolStream.call(instance, message, options);
    loading ??= load(); // An import takes time even if it has been made before.
    const { Parser, messages } = await loading;
    const chunks: Buffer[] = [];
    const { syncToFs = true, onNotice } = options;
    const onRawData = (data: Uint8Array): void => void chunks.push(Buffer.from(data));
    await execProtocolRawStream.call(instance, message, { syncToFs, onRawData });
    const response = messagesIn(Buffer.concat(chunks), new Parser());
    for (const each of response) {
      if (each instanceof messages.DatabaseError) throw each;
      if (each instanceof messages.NoticeMessage) onNotice?.(each);
    }
    return response.filter((each) => !(each instanceof messages.NoticeMessage));
  };
}

function messagesIn(bytes: Buffer, parser: InstanceType<Protocol['Parser']>): object[] {
  const messages: object[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + TYPE_BYTES + bytes.readUInt32BE(at + TYPE_BYTES);
    if (bytes[at] === DATA_ROW) messages.push(rowIn(bytes, at));
    else parser.parse(bytes.subarray(at, end), (message) => messages.push(message));
    at = end;
  }
  return messages;
}

/** A row is the number of its values in two bytes, then each value after its length in four. */
function rowIn(bytes: Buffer, start: number) {
  const length = bytes.readUInt32BE(start + TYPE_BYTES);
  const fieldCount = bytes.readUInt16BE(start + HEADER_BYTES);
  const fields = new Array<string | null>(fieldCount);
  let at = start + HEADER_BYTES + 2;
  for (let index = 0; index < fieldCount; index += 1) {
    const bytesOfValue = bytes.readInt32BE(at);
    at += 4;
    if (bytesOfValue === NULL_LENGTH) fields[index] = null;
    else {
      fields[index] = bytes.toString('utf8', at, at + bytesOfValue);
      at += bytesOfValue;
    }
  }
  return { name: 'dataRow', length, fieldCount, fields };
}
