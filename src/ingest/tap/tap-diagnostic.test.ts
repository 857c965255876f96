import { describe, expect, it } from 'vitest';
import { TapDiagnostic } from './tap-diagnostic.ts';

describe('TapDiagnostic', () => {
  it.each([
    ["error: 'it''s broken'", "it's broken"],
    ['error: "a\\tb"', 'a\tb'],
    ['error: "no \\x escape"', 'no \\x escape'],
    ['error: plain', 'plain'],
    ['message: plain', 'plain'],
  ])('reads the message of %j', (line, message) => {
    expect(read(line).summary).toBe(message);
  });

  it.each([
    ["location: '/a/b c.test.js:7:3'", '/a/b c.test.js', 7],
    ['at: Test.<anonymous> (/a/b.js:11:5)', '/a/b.js', 11],
    ['at: /a/b.js:11:5', '/a/b.js', 11],
  ])('reads the place in %j', (line, file, number) => {
    expect(read(line).location).toEqual({ file, line: number });
  });

  it.each(['at: nowhere', 'location: a.js:x:y', 'other: a.js:1:2'])(
    'finds no place in %j',
    (line) => {
      expect(read(line).location).toBeUndefined();
    },
  );

  it.each(['duration_ms: -1', 'duration_ms: NaN', 'duration_ms: soon', 'duration_ms: 1e999'])(
    'leaves out %j',
    (line) => {
      expect(read(line).durationMs).toBeUndefined();
    },
  );

  it('does not take keys of a nested value for its own', () => {
    const diagnostic = read('expected:', '  type: suite', '  error: inner', 'error: outer');
    expect(diagnostic.type).toBeUndefined();
    expect(diagnostic.summary).toBe('outer');
  });
});

function read(...lines: readonly string[]): TapDiagnostic {
  const diagnostic = new TapDiagnostic();
  for (const line of lines) diagnostic.add(line);
  return diagnostic;
}
