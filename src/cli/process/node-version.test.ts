import { expect, test } from 'vitest';
import { unsupportedNode } from './node-version.ts';

test.each(['22.12.0', '22.13.0', '24.0.0', '25.1.0-nightly'])('accepts Node.js %s', (version) => {
  expect(unsupportedNode(version)).toBeUndefined();
});

test.each(['18.20.8', '20.20.2', '22.11.0'])('does not accept Node.js %s', (version) => {
  expect(unsupportedNode(version)).toBe(`Node.js ${version} is too old: use 22.12 or newer`);
});
