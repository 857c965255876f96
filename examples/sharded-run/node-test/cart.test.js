import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cart } from '../src/cart.js';

describe('cart', () => {
  it('is empty at first', () => assert.equal(new Cart().size, 0));
  it('adds up', () => assert.equal(new Cart().add('a', 250, 2).add('b', 100).total(), 600));
  it('counts a product that comes twice', () => {
    assert.equal(new Cart().add('a', 250).add('a', 250).total(), 500);
  });
  it('refuses half a cent', () => assert.throws(() => new Cart().add('a', 0.5), RangeError));
  it('rounds a discount', () => assert.equal(new Cart().add('a', 999).total(50), 500));
  it('prints in the reader’s currency', { todo: true }, () => undefined);
  it('talks to the real bank', { skip: 'no bank here' }, () => assert.fail());
});
