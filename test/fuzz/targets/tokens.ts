/**
 * Tokens that clients hand back. They promise: a token is either genuine or refused as `invalid-argument`, and
 * one that was made is read as it was made.
 */
import { hasCode, systemClock } from '@postlude/queue/foundations';
import { UpdateTokens } from '../../../src/services/recorder/update-token.ts';
import { PageTokens } from '../../../src/services/shared/page.ts';
import { declared, type FuzzTarget, require, requireSame } from '../engine/target.ts';

const NOW = 1_767_323_045_000;
const INVOCATION = 'u-fuzzed';
const SCOPE = 'luci.resultdb.v1.QueryTestResultsRequest{"invocations":["invocations/a"]}';

const updateTokens = new UpdateTokens({
  secrets: [Buffer.from('a secret of the fuzz tests'), Buffer.from('an older one')],
  clock: { ...systemClock, now: () => NOW },
});
const genuine = Buffer.from(updateTokens.issue(INVOCATION), 'base64url');

export const tokenTargets: readonly FuzzTarget[] = [
  {
    name: 'page-tokens',
    reads: 'page tokens, and positions for new ones',
    dictionary: [
      '["a","b"]',
      '["',
      '"]',
      ',',
      'WyJhIl0',
      '=',
      '-_',
      new PageTokens(SCOPE, '').next(['a']),
    ],
    generate: (seed) => new PageTokens(SCOPE, '').next([`inv ${seed}`, 'a\n"b"', '\u{1f98a}']),
    check: checkPageToken,
  },
  {
    name: 'update-tokens',
    reads: 'update tokens',
    dictionary: [
      updateTokens.issue(INVOCATION),
      updateTokens.issue('other'),
      'AXsi',
      '=',
      '-_',
      '.',
      ' ',
    ],
    generate: () => updateTokens.issue(INVOCATION),
    check: checkUpdateToken,
  },
];

function checkPageToken(input: Buffer): void {
  const token = input.toString();
  for (const parts of [1, 2, 3]) {
    const position = declared(
      () => new PageTokens(SCOPE, token).position(parts),
      (error) => hasCode(error, 'invalid-argument'),
    );
    if (position === undefined) continue;
    require(position.length === parts, 'a position has other parts than were asked for');
    const again = new PageTokens(SCOPE, new PageTokens(SCOPE, '').next(position)).position(parts);
    requireSame(JSON.stringify(again), JSON.stringify(position), 'a position');
  }
  requireOwnPosition(token.split('\n'));
}

/** Any texts make a token that only requests of the same scope accept. */
function requireOwnPosition(texts: readonly string[]): void {
  const token = new PageTokens(SCOPE, '').next(texts);
  const position = new PageTokens(SCOPE, token).position(texts.length);
  requireSame(JSON.stringify(position), JSON.stringify(texts), 'a position that was made');
  const foreign = declared(
    () => new PageTokens(`${SCOPE} `, token).position(texts.length),
    (error) => hasCode(error, 'invalid-argument'),
  );
  require(foreign === undefined, 'a token is accepted by another request');
}

function checkUpdateToken(input: Buffer): void {
  const token = input.toString();
  const opened = updateTokens.invocationOf(token);
  if (opened === undefined) return;
  require(opened === INVOCATION, 'a token opens another invocation');
  const bytes = Buffer.from(token, 'base64url');
  require(bytes.equals(genuine), 'a token that nobody issued is valid');
}
