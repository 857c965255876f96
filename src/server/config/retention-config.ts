/** The settings of retention: durations, and rules for realms. */
import type { RetentionRule } from '../../retention/retention-rules.ts';
import { duration } from './setting.ts';
import { listOf, oneText, optional, recordOf, type Shape } from './shapes.ts';

const HOUR = 3_600_000;
const YEARS_10 = 3650 * 24 * HOUR;
const REALM = /^[a-z0-9_*@-]+:[a-z0-9_./*@-]+$/;

export const invocationDuration = duration({ min: 24 * HOUR, max: YEARS_10 });
export const expectedResultsDuration = duration({ min: HOUR, max: YEARS_10 });
export const deadTaskDuration = duration({ min: HOUR, max: YEARS_10 });

const rules = listOf(
  recordOf(
    {
      realm: realmPattern,
      invocationExpiration: optional(invocationDuration.parse),
      expectedResultsExpiration: optional(expectedResultsDuration.parse),
    },
    'must be a mapping with realm and durations',
  ),
  'must be a list of rules',
);

/** Throws an Error that says what is wrong. */
export const retentionRules: Shape<readonly RetentionRule[]> = (value, folder) =>
  rules(value, folder).map(({ expectedResultsExpiration, invocationExpiration, realm }) => ({
    realm,
    ...(invocationExpiration === undefined ? {} : { invocationMs: invocationExpiration }),
    ...(expectedResultsExpiration === undefined
      ? {}
      : { expectedResultsMs: expectedResultsExpiration }),
  }));

function realmPattern(value: unknown): string {
  const text = oneText(value);
  if (REALM.test(text)) return text;
  throw new Error('must be project:realm, in which * stands for any text');
}
