import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { invocationId } from '../../../test/support/invocations/fixtures.ts';
import { FetchUrls } from './fetch-urls.ts';

const artifact = {
  invocationId: invocationId('u-a'),
  result: undefined,
  artifactId: 'a',
  sha256: 'ab'.repeat(32),
};
const name = 'invocations/u-a/artifacts/a';
const [fresh, old] = [Buffer.from('new'), Buffer.from('old')];

function tokenOf(urls: FetchUrls): string {
  return urls.of(artifact, { origin: 'http://x' })?.url.split('token=')[1] ?? '';
}

test('a URL is good for an hour', () => {
  const clock = new FakeClock();
  const urls = new FetchUrls({ secrets: [fresh], clock });
  const token = tokenOf(urls);
  clock.advance(3_599_999);
  expect(urls.digestOf(name, token)).toBe(artifact.sha256);
  clock.advance(1);
  expect(urls.digestOf(name, token)).toBeUndefined();
});

test('URLs that were signed with an older secret stay good, and with a foreign one are not', () => {
  const clock = new FakeClock();
  const urls = new FetchUrls({ secrets: [fresh, old], clock });
  const signedWith = (secret: Uint8Array) => tokenOf(new FetchUrls({ secrets: [secret], clock }));
  expect(urls.digestOf(name, signedWith(old))).toBe(artifact.sha256);
  expect(urls.digestOf(name, signedWith(Buffer.from('foreign')))).toBeUndefined();
});

test('every bit of a token counts', () => {
  const urls = new FetchUrls({ secrets: [fresh], clock: new FakeClock() });
  const token = Buffer.from(tokenOf(urls), 'base64url');
  for (let bit = 0; bit < token.length * 8; bit++) {
    const changed = Buffer.from(token);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(urls.digestOf(name, changed.toString('base64url'))).toBeUndefined();
  }
});

test('without a known origin there is no URL', () => {
  const urls = new FetchUrls({ secrets: [fresh], clock: new FakeClock() });
  expect(urls.of(artifact, {})).toBeUndefined();
});
