import { expect, test } from 'vitest';
import { RetentionRules } from './retention-rules.ts';

const GENERAL = { invocationMs: 540, expectedResultsMs: 60 };
const rules = new RetentionRules(GENERAL, [
  { realm: 'acme:try', invocationMs: 30, expectedResultsMs: 7 },
  { realm: 'acme:*', expectedResultsMs: 14 },
  { realm: '*:nightly.x', invocationMs: 90 },
]);

test.each([
  ['acme:try', { invocationMs: 30, expectedResultsMs: 7 }],
  ['acme:ci', { invocationMs: 540, expectedResultsMs: 14 }],
  ['other:nightly.x', { invocationMs: 90, expectedResultsMs: 60 }],
  ['other:nightlyax', GENERAL],
  ['not-acme:ci', GENERAL],
])('%s is kept as the first rule says that matches, or as all are', (realm, retention) => {
  expect(rules.of(realm)).toEqual(retention);
});
