/**
 * Escapes text as one segment of a resource name, exactly as Go's url.PathEscape does, since
 * names are compared and hashed by their bytes. Unlike encodeURIComponent, it keeps `$ & + : = @` and
 * escapes `! ' ( ) *`.
 */
import { CodedError } from '@postlude/queue/foundations';

/** `a/b c` is `a%2Fb%20c`. Throws `invalid-argument` for text that is not valid Unicode. */
export function escapePathSegment(text: string): string {
  if (!text.isWellFormed()) throw new CodedError('invalid-argument', 'not valid Unicode');
  return encodeURIComponent(text)
    .replace(/%(24|26|2B|3A|3D|40)/g, (escaped) => decodeURIComponent(escaped))
    .replace(/[!'()*]/g, percentEncode);
}

/** Returns `undefined` if a percent sign is not part of an escape, or if the bytes are not UTF-8. */
export function unescapePathSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
