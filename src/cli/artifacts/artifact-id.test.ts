import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkArtifactId } from '../../services/artifacts/check-artifact-id.ts';
import { artifactIdOf, otherIdOf } from './artifact-id.ts';

test.each([
  ['out/a (1).png', 'out/a (1).png'],
  ['.hidden', '.hidden'],
  ['../up/a', '../up/a'],
  ['@scope/a', '_@scope/a'],
  ['trailing.', 'trailing._'],
  ['line\nbreak', 'line_break'],
  ['e\u0301', '_\u00e9_'],
])('the file %j is the artifact %j', (path, id) => {
  expect(artifactIdOf('/run', join('/run', path))).toBe(id);
});

test('every path has an id that the server accepts, also if another file has it already', () => {
  const path = fc.string({ minLength: 1, maxLength: 600, unit: 'binary' });
  fc.assert(
    fc.property(path, (name) => {
      const id = artifactIdOf('/run', `/run/x/${name.replaceAll('\0', '')}z`);
      expect(checkArtifactId(id)).toBe(id);
      expect(checkArtifactId(otherIdOf(id, name))).not.toBe(id);
    }),
    { numRuns: 30 },
  );
});
