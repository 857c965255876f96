import { expect, test } from 'vitest';
import { whyRefused } from './report-patterns.ts';

test.each([
  '**/*.xml',
  'build/**/TEST-*-*-*.xml',
  '!**/flaky/*.+(xml|json)',
  'shard-+([0-9]).xml',
  '@(a|aa|*)/{b,c}/[!d]?(e).tap',
  'out(1)/+(ab).xml',
  'unclosed(+(a',
])('%s is searched for', (pattern) => {
  expect(whyRefused(pattern)).toBeUndefined();
});

test.each([
  ['+(a|aa)', /what \(a\|aa\) repeats is ambiguous/],
  ['+(+(a))', /what \(\+\(a\)\) repeats is ambiguous/],
  ['(a*)+', /what \(a\*\) repeats is ambiguous/],
  ['(a|a){2,}', /what \(a\|a\) repeats is ambiguous/],
  ['*(?)', /what \(\?\) repeats is ambiguous/],
  ['x/*a*a*a*a*a', /more than 4 wildcards between two slashes/],
  ['[a]+[a]+[a]+[a]+[a]+', /more than 4 wildcards between two slashes/],
  ['a'.repeat(4_097), /at most 4096 characters/],
  ['a\0', /NUL/],
])('%.30s is refused, as a name of a file could take it without end', (pattern, why) => {
  expect(whyRefused(pattern)).toMatch(why);
});
