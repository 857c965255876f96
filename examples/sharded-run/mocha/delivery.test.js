import assert from 'node:assert/strict';
import { deliveryDays } from '../src/shipping.js';

describe('delivery', () => {
  it('takes a day within the country', () => assert.equal(deliveryDays(500, 'CH'), 1));
  it('takes three days abroad', () => assert.equal(deliveryDays(500, 'DE'), 3));
  it('takes longer for heavy parcels', () => assert.equal(deliveryDays(9_000, 'CH'), 3));
  it('does not count two kilograms as heavy', () => assert.equal(deliveryDays(2_000, 'CH'), 1));
  it('knows public holidays');
});
