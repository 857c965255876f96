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
      'AXsiX2kiOiIxNjAwMDAwMDAwMDAwIiwiX3giOiI2MDQ4MDAwMDAifYK7fzTuvT-MW_fMaxpxYYj3g-NU-RPdLNkl6cZK654h',
  },
  {
    what: 'other software may order the claims as it likes',
    secret: 'secret',
    invocationId: 'build:1',
    token:
      'AXsiX3giOiI2MDQ4MDAwMDAiLCJfaSI6IjE2MDAwMDAwMDAwMDAifTYmvM9sonD3uj8-O-FBlFxXPEOx7g5KNKNU2q6qQVHl',
  },
  {
    what: 'and put spaces between them',
    secret: 'older secret',
    invocationId: 'u-inv',
    token:
      'AXsgIl9pIjogIjE2MDAwMDAwMDAwMDAiLCAiX3giOiAiMTAwMCIgfS6GzmuwuJ7RZhY5T6AtxRNb2Q3kyEUfWhfmk6U8UbjN',
  },
];

function tokensOf(secret: string): UpdateTokens {
  return new UpdateTokens({
    secrets: [Buffer.from(secret)],
    clock: { ...systemClock, now: () => 1_600_000_000_000 },
  });
}

test.each(VECTORS)('$what', ({ secret, invocationId, token }) => {
  expect(tokensOf(secret).isValid(token, invocationId)).toBe(true);
});

test('a token has exactly these bytes', () => {
  expect(tokensOf('secret').issue('u-inv')).toBe(VECTORS[0]?.token);
});
