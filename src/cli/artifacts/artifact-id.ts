/** Names a file of the workspace as an artifact, whatever its name is. */
import { createHash } from 'node:crypto';
import { relative, sep } from 'node:path';
import { MAX_ARTIFACT_ID_LENGTH } from '../../artifacts/limits.ts';
import { problemOfPrintable } from '../../results/identity/printable.ts';

const DIGEST_LENGTH = 8;

/** The path from `cwd`, in which characters that an id cannot have are replaced. */
export function artifactIdOf(cwd: string, path: string): string {
  const plain = relative(cwd, path).split(sep).join('/').normalize('NFC').toWellFormed();
  const printable = [...plain].map((char) => (problemOfPrintable(char) ? '_' : char)).join('');
  const begun = /^[\w.]/.test(printable) ? printable : `_${printable}`;
  const id = /\w$/.test(begun) ? begun : `${begun}_`;
  const characters = [...id];
  if (characters.length <= MAX_ARTIFACT_ID_LENGTH) return id;
  // The end of a path tells more than its beginning.
  const end = characters.slice(1 + DIGEST_LENGTH - MAX_ARTIFACT_ID_LENGTH).join('');
  return `${digestOf(plain)}_${end}`;
}

/** Distinguishes files whose paths are the same id. */
export function otherIdOf(id: string, path: string): string {
  const characters = [...id].slice(1 + DIGEST_LENGTH - MAX_ARTIFACT_ID_LENGTH);
  return `${digestOf(path)}_${characters.join('')}`;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST_LENGTH);
}
