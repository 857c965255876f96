/** The setting `schemes`: more schemes of ids of tests, or others in place of the usual ones. */
import { toError } from '@postlude/queue/foundations';
import { RE2JS } from 're2js';
import type { Scheme, SchemeLevel } from '../results/identity/schemes.ts';
import { LEGACY } from '../results/identity/structured-id.ts';
import { listOf, oneText, optional, recordOf, type Shape } from './config/shapes.ts';

const ID_PATTERN = /^[a-z][a-z0-9]{0,19}$/;

const levelShape = recordOf(
  { name: oneText, pattern: optional(re2Pattern) },
  'must be a mapping with name and pattern',
);

const level: Shape<SchemeLevel> = (value, folder) => {
  const { name, pattern } = levelShape(value, folder);
  return { humanReadableName: name, validationRegexp: pattern };
};

const schemes = listOf(
  recordOf(
    { id: schemeId, name: oneText, coarse: optional(level), fine: optional(level), case: level },
    'must be a mapping with id, name and levels',
  ),
  'must be a list of schemes',
);

/** Throws an Error that says what is wrong. */
export const schemeList: Shape<readonly Scheme[]> = (value, folder) =>
  schemes(value, folder).map(({ name, ...scheme }, index) => {
    if (scheme.coarse !== undefined && scheme.fine === undefined) {
      throw new Error(`[${index}]: coarse: needs fine, too`);
    }
    return { ...scheme, humanReadableName: name };
  });

function schemeId(value: unknown): string {
  const id = oneText(value);
  if (id === LEGACY) throw new Error(`must not be ${LEGACY}, the scheme of plain ids`);
  if (ID_PATTERN.test(id)) return id;
  throw new Error('must be a letter, then up to 19 letters or digits, in lower case');
}

function re2Pattern(value: unknown): string {
  const pattern = oneText(value);
  try {
    RE2JS.compile(pattern);
    return pattern;
  } catch (error) {
    throw new Error(`must be an RE2 pattern: ${toError(error).message}`, { cause: error });
  }
}
