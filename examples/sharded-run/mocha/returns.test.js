import assert from 'node:assert/strict';
import { deliveryDays } from '../src/shipping.js';

describe('returns', () => {
  it('take a day within the country', () => assert.equal(deliveryDays(300, 'CH'), 1));
  it('take three days from abroad', () => assert.equal(deliveryDays(300, 'FR'), 3));
  it('wait for customs', () => assert.equal(deliveryDays(900, 'NZ'), 3));

  // Stands for a test that hangs: the demo cancels the job.
  it('are picked up by a lorry', function () {
    this.timeout(0);
    return new Promise((resolve) => setInterval(resolve, 2 ** 31 - 1));
  });
  it('are paid back', () => assert.fail('nobody gets here'));
});
