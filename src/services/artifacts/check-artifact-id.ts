/** ResultDB's rule for ids of artifacts. Unlike the other ids, they may have slashes and blanks. */
import { MAX_ARTIFACT_ID_LENGTH } from '../../artifacts/limits.ts';
import { problemOfPrintable } from '../../results/identity/printable.ts';
import { invalid } from '../shared/field.ts';

/** Throws `invalid-argument`. */
export function checkArtifactId(id: string): string {
  if (id === '') throw invalid('unspecified');
  if ([...id].length > MAX_ARTIFACT_ID_LENGTH) {
    throw invalid(`longer than ${MAX_ARTIFACT_ID_LENGTH} characters`);
  }
  if (!id.isWellFormed()) throw invalid('is not valid Unicode');
  const problem = problemOfPrintable(id);
  if (problem !== undefined) throw invalid(problem);
  if (!/^[\w.]/.test(id)) throw invalid('must begin with a letter, a digit, _ or a dot');
  if (id !== '.' && !/\w$/.test(id)) throw invalid('must end with a letter, a digit or _');
  return id;
}
