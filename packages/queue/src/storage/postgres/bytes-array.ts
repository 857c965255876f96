/**
 * PostgreSQL's binary form of one-dimensional arrays of bytes, for drivers that can send it. It is half as long
 * as the text form, which both sides would have to convert digit by digit.
 */
import { wrongType } from '../backend/checked-value.ts';

const BYTEA_OID = 17;
/** The number of dimensions, whether there are NULLs, the type of elements, the length, the lowest index. */
const HEADER = 5 * 4;
const NULL_LENGTH = -1;

/** Throws `invalid-argument` for elements that are neither bytes nor missing, which are NULL. */
export function encodeBytesArray(elements: readonly unknown[]): Buffer {
  const checked = elements.map(bytesOrNull);
  const size = checked.reduce((sum, bytes) => sum + 4 + (bytes?.length ?? 0), HEADER);
  const array = Buffer.allocUnsafe(size);
  const hasNull = checked.includes(null);
  const header = [1, hasNull ? 1 : 0, BYTEA_OID, checked.length, 1];
  let end = 0;
  for (const number of header) end = array.writeInt32BE(number, end);
  for (const bytes of checked) {
    end = array.writeInt32BE(bytes?.length ?? NULL_LENGTH, end);
    if (bytes === null) continue;
    array.set(bytes, end);
    end += bytes.length;
  }
  return array;
}

function bytesOrNull(value: unknown): Uint8Array | null {
  if (value === undefined || value === null) return null;
  if (value instanceof Uint8Array) return value;
  throw wrongType(value, 'bytes');
}
