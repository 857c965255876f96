import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTapLine } from './tap-line.ts';

describe('parseTapLine', () => {
  it.each([
    ['ok', { isOk: true, number: undefined, description: '' }],
    ['not ok', { isOk: false, number: undefined, description: '' }],
    ['ok 3', { number: 3, description: '' }],
    ['not ok 4 - a name', { isOk: false, number: 4, description: 'a name', hasDash: true }],
    ['ok 4 a name', { number: 4, description: 'a name', hasDash: false }],
    ['ok 4 - 5 apples', { number: 4, description: '5 apples' }],
    ['ok - -dash', { number: undefined, description: '-dash' }],
    ['ok 1 - a # b', { description: 'a # b', directive: undefined }],
    ['ok 1 - hash \\# TODO and \\\\', { description: 'hash # TODO and \\', directive: undefined }],
    ['ok 6 # skip no network', { description: '', directive: 'skip', reason: 'no network' }],
    ['ok 6 - a # SKIPPED why # not', { description: 'a', directive: 'skip', reason: 'why # not' }],
    ['not ok 8 - later # TODO', { directive: 'todo', reason: '' }],
    ['ok 2 - timed # time=12.5ms', { description: 'timed', durationMs: 12.5 }],
    ['ok 2 - block # time=3ms {', { description: 'block', durationMs: 3 }],
    ['ok 2 - block {', { description: 'block', durationMs: undefined }],
  ])('reads the point %j', (line, expected) => {
    expect(parseTapLine(line)).toMatchObject({ kind: 'point', ...expected });
  });

  it.each([
    ['1..4', { kind: 'plan', count: 4, skipReason: undefined }],
    ['1..0', { kind: 'plan', count: 0, skipReason: undefined }],
    ['1..0 # SKIP needs windows', { kind: 'plan', count: 0, skipReason: 'needs windows' }],
    ['3..5', { kind: 'plan', count: 3, skipReason: undefined }],
    ['TAP version 14', { kind: 'version', version: 14 }],
    ['Bail out! no database', { kind: 'bail-out', reason: 'no database' }],
    ['# Subtest: a \\# b', { kind: 'subtest', name: 'a # b' }],
    ['# a note', { kind: 'comment', text: 'a note' }],
    ['---', { kind: 'yaml-start' }],
    ['okay 1', { kind: 'noise' }],
    ['not okay', { kind: 'noise' }],
    ['1..4 and more', { kind: 'noise' }],
  ])('reads %j', (line, expected) => {
    expect(parseTapLine(line)).toEqual(expected);
  });

  it('restores any name that a producer escapes', () => {
    const name = fc.string().map((text) => text.replace(/\s+/g, ' ').trim());
    fc.assert(
      fc.property(name, (text) => {
        fc.pre(!text.endsWith('{'));
        const escaped = text.replace(/[\\#]/g, '\\$&');
        expect(parseTapLine(`ok 1 - ${escaped}`)).toMatchObject({ description: text });
      }),
    );
  });

  // In quadratic time, these would take hours.
  const ends = ['x', 'x\ry', '\r', '\u2028x'];
  const starts = ['ok ', 'ok 1 - ', 'ok 1 # skip', 'not ok # todo ', 'ok 1 # time=1'];
  const pieces = [' ', '# ', '\\', '-', '1', ' # skip ', ' # time=1', '\t{'];
  it.each(starts)('reads points of a million characters in linear time: %j', (start) => {
    for (const piece of pieces) {
      for (const end of ends) {
        expect(parseTapLine(`${start}${piece.repeat(500_000)}${end}`)).toBeDefined();
      }
    }
  });

  it.each(['1..0 #', '1..0 # skip', '1..2', '# Subtest:', 'Bail out!', 'TAP version 13'])(
    'reads other lines in linear time, too: %j',
    (start) => {
      for (const end of ends)
        expect(parseTapLine(`${start}${' '.repeat(500_000)}${end}`)).toBeDefined();
    },
  );

  it('reads a point whose line holds a carriage return or U+2028', () => {
    expect(parseTapLine('ok 1 - a\rb')).toMatchObject({ kind: 'point', description: 'a\rb' });
    expect(parseTapLine('ok 1 - a\u2028b # SKIP')).toMatchObject({ directive: 'skip' });
  });
});
