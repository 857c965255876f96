/**
 * Makes PGlite return texts as they are stored. Its decoder takes U+FEFF at the beginning of a value for a
 * byte order mark and drops it. So the bytes of each response are searched for values that begin with it.
 */

/** The methods through which PGlite makes its queries. Not every instance has them. */
interface ProtocolInstance {
  execProtocol?(message: Uint8Array, options?: object): Promise<unknown>;
  execProtocolStream?(message: Uint8Array, options?: object): Promise<unknown>;
}

interface Response {
  readonly messages: readonly object[];
  readonly data: Uint8Array;
}

const MARK = '\ufeff';
const MARK_BYTES = Buffer.from(MARK);
/** The type of a message with a row: `D`. */
const DATA_ROW = 0x44;

const mended = new WeakSet<object>();

/** Mends all later queries of the instance, those of its owner too. */
export function keepByteOrderMarks(instance: object): void {
  const { execProtocol, execProtocolStream } = instance as ProtocolInstance;
  if (!execProtocol || !execProtocolStream || mended.has(instance)) return;
  mended.add(instance);
  (instance as ProtocolInstance).execProtocolStream = async (message, options) => {
    const response = (await execProtocol.call(instance, message, options)) as Response;
    restoreMarks(response);
    return response.messages;
  };
}

function restoreMarks({ messages, data }: Response): void {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (!bytes.includes(MARK_BYTES)) return;
  const rows = messages.filter(isRow);
  let row = 0;
  // A message is its type in one byte, its length without that byte in four, and its content.
  for (let at = 0; at < bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) {
    if (bytes[at] === DATA_ROW) restoreRow(rows[row++]?.fields ?? [], bytes, at + 5);
  }
}

/** A row is the number of its values in two bytes, then each value after its length in four; -1 is NULL. */
function restoreRow(fields: (string | null)[], bytes: Buffer, start: number): void {
  let at = start + 2;
  for (const [index, field] of fields.entries()) {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (field === null) continue;
    if (bytes.subarray(at, at + length).indexOf(MARK_BYTES) === 0) fields[index] = MARK + field;
    at += length;
  }
}

function isRow(message: object): message is { readonly fields: (string | null)[] } {
  return 'name' in message && message.name === 'dataRow';
}
