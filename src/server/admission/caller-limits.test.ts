import { expect, test } from 'vitest';
import { LimitRules, limitsOfExposed } from './caller-limits.ts';
import { byClass } from './method-class.ts';
import { addressParty, identityParty, realmParty } from './party.ts';

const GENERAL = limitsOfExposed({ bytes: 1000, concurrency: byClass(() => 10) });

test('the first rule that matches holds, and leaves the rest as it is', () => {
  const rules = new LimitRules(GENERAL, [
    { caller: 'service:*', concurrency: { write: 9 }, requestsPerSecond: 5 },
    { caller: 'service:example/app', concurrency: { write: 1 } },
    { realm: 'ci:*', resultsPerDay: 7 },
    { caller: 'address:192.0.2.*', waiting: 3 },
  ]);
  expect(rules.of(identityParty('service:example/app'))).toEqual({
    ...GENERAL,
    concurrency: { ...GENERAL.concurrency, write: 9 },
    requestsPerSecond: 5,
    burst: undefined,
  });
  expect(rules.of(realmParty('ci:main'))).toEqual({ ...GENERAL, resultsPerDay: 7 });
  expect(rules.of(addressParty('192.0.2.7')).waiting).toMatchObject({ write: 3, watch: 0 });
  expect(rules.of(identityParty('user:a@example.com'))).toBe(GENERAL);
});

test('a pattern for callers is none for realms', () => {
  const rules = new LimitRules(GENERAL, [{ caller: '*', resultsPerDay: 7 }]);
  expect(rules.of(realmParty('ci:main'))).toBe(GENERAL);
});
