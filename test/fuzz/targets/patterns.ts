/**
 * Predicates: a pattern in the first line, and ids in the others. A pattern is refused as `invalid-argument`,
 * or matches what RE2 matches, within the work that its estimated size allows.
 */
import { hasCode } from '@postlude/queue/foundations';
import { RE2JS } from 're2js';
import { estimateSize } from '../../../src/results/patterns/pattern-size.ts';
import { TestIdPattern } from '../../../src/results/patterns/test-id-pattern.ts';
import { declared, type FuzzTarget, require } from '../engine/target.ts';

const MAX_IDS = 5;
/** The same limits as in the predicates of requests. */
const MAX_PATTERN = 4_096;
const MAX_ID = 512;

export const patternTargets: readonly FuzzTarget[] = [
  {
    name: 'patterns',
    reads: 'patterns for test ids, and the ids that they are for',
    dictionary: [
      ...'.* .+? (?i) (?s) (?P<n> (?: ( ) | [ ] [^ [[:alpha:]] \\pL \\p{Greek} \\PN \\b \\B \\A \\z ^ $'.split(
        ' ',
      ),
      ...'{3} {2,5} {0,40} {1,} * + ? \\Q \\E \\x{1f98a} \\x41 \\d \\W \\s a-z é 😀 ((a?){30}){30} x'.split(
        ' ',
      ),
    ],
    check: checkPattern,
  },
];

function checkPattern(input: Buffer): void {
  const [pattern = '', ...ids] = input.toString().split('\n');
  if (pattern.length > MAX_PATTERN) return;
  const ours = declared(
    () => TestIdPattern.compile(pattern),
    (error) => hasCode(error, 'invalid-argument'),
  );
  if (ours === undefined) return;
  const theirs = RE2JS.compile(pattern);
  require(estimateSize(pattern) >=
    theirs.programSize(), 'the size of a pattern is estimated too small');
  for (const id of ids.slice(0, MAX_IDS).map((each) => each.slice(0, MAX_ID))) {
    const before = ours.work;
    const isMatched = ours.matches(id);
    const bound = 4 * (id.length + 1) * (theirs.programSize() + 1);
    require(ours.work - before <= bound, `an id takes ${ours.work - before} steps of ${bound}`);
    require(isMatched === theirs.matches(id), `RE2 says ${!isMatched} of ${JSON.stringify(id)}`);
  }
}
