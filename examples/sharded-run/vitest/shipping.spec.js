import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { shippingCents } from '../src/shipping.js';

describe('shipping', () => {
  test.each([
    ['CH', 700],
    ['DE', 900],
    ['NZ', 2_000],
  ])('a letter to %s costs %d', (country, cents) => {
    expect(shippingCents(50, country)).toBe(cents);
  });

  // Flaky as they come: it fails at the first run on a machine, and passes at the next.
  test('asks the carrier for its price', () => {
    const cache = process.env.DEMO_CARRIER_CACHE;
    const isWarm = !cache || existsSync(cache);
    if (cache) writeFileSync(cache, 'price: 900\n');
    expect(isWarm, 'the carrier took too long to answer').toBe(true);
  });

  test.skip('ships to the moon', () => undefined);
});
