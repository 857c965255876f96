import { systemClock } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { UpdateTokens } from '../../src/services/recorder/update-token.ts';

// These tokens were made with Python's hmac and base64 from the description of the format.
const VECTORS = [
  {
    what: 'a token as this server writes it',
    secret: 'secret',
    invocationId: 'u-inv',
    token:
      'AXsiX2kiOiIxNjAwMDAwMDAwMDAwIiwiX3giOiI2MDQ4MDAwMDAiLCJfbiI6InUtaW52In2Ch_SwgzHmOxmWISGTFgVSH6eZZX-6X11cfavQjQJsRw',
  },
  {
    what: 'other software may order the claims as it likes',
    secret: 'secret',
    invocationId: 'build:1',
    token:
      'AXsiX24iOiJidWlsZDoxIiwiX3giOiI2MDQ4MDAwMDAiLCJfaSI6IjE2MDAwMDAwMDAwMDAifc53TNZof7R1yQwp3Fdkz96sF01J8GNmCC-UYYBSDyer',
  },
  {
    what: 'and put spaces between them',
    secret: 'older secret',
    invocationId: 'u-inv',
    token:
      'AXsgIl9pIjogIjE2MDAwMDAwMDAwMDAiLCAiX3giOiAiMTAwMCIsICJfbiI6ICJ1LWludiJ9k7zRUkIFz5H1z42WBcZ144XcYgwT0WNDdc4Hp_HhhPQ',
  },
];

function tokensOf(secret: string): UpdateTokens {
  return new UpdateTokens({
    secrets: [Buffer.from(secret)],
    clock: { ...systemClock, now: () => 1_600_000_000_000 },
  });
}

test.each(VECTORS)('$what', ({ secret, invocationId, token }) => {
  expect(tokensOf(secret).invocationOf(token)).toBe(invocationId);
});

test.each([
  [
    'names no invocation',
    'AXsiX2kiOiIxNjAwMDAwMDAwMDAwIiwiX3giOiI2MDQ4MDAwMDAifYK7fzTuvT-MW_fMaxpxYYj3g-NU-RPdLNkl6cZK654h',
  ],
  [
    'names another invocation than it was signed for',
    'AXsiX2kiOiIxNjAwMDAwMDAwMDAwIiwiX3giOiI2MDQ4MDAwMDAiLCJfbiI6Im90aGVyIn1U-eZ_Z02NP4L23ohn-rc4ZuBNNh-kPN1iIjlnFHYYMg',
  ],
])('a genuine token that %s is refused', (_what, token) => {
  expect(tokensOf('secret').invocationOf(token)).toBeUndefined();
});

test('a token has exactly these bytes', () => {
  expect(tokensOf('secret').issue('u-inv')).toBe(VECTORS[0]?.token);
});
