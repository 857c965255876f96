import { describe, expect, it } from 'vitest';
import { readFormat } from '../../../test/support/reports/read-format.ts';
import { tap } from './tap.ts';

const CLEAN = `t/a.t .. 
ok 1 - one
ok 2
1..2
ok
t/b.t .. skipped: not here
t/c.t .. 
1..1
ok 1 - one
ok
All tests successful.
Files=3, Tests=3,  0 wallclock secs ( 0.01 usr  0.00 sys +  0.04 cusr  0.01 csys =  0.06 CPU)
Result: PASS
`;

describe('the output of prove -v --merge', () => {
  it('is read script by script, each of which is the suite of its tests', () => {
    expect(readFormat(tap, CLEAN)).toMatchObject({
      dialect: 'prove',
      outcomes: ['t/a.t > one: pass', 't/a.t > point 2: pass', 't/c.t > one: pass'],
      others: [],
      errors: [],
      warnings: [],
    });
  });

  it('is read alike with --timer, and after what the scripts wrote to standard error', () => {
    const { outcomes } = readFormat(tap, CLEAN);
    const timed = CLEAN.replace(/^t\/.*$/gm, '[17:54:54] $&').replace(
      /^ok$/gm,
      'ok       12 ms ( 0.00 usr  0.00 sys +  0.01 cusr  0.00 csys =  0.01 CPU)',
    );
    for (const text of [timed, `# to err\n\n#   Failed\n${CLEAN}`]) {
      expect(tap.detect(text)).toBe(true);
      expect(readFormat(tap, text)).toMatchObject({ outcomes, dialect: 'prove', errors: [] });
    }
    expect(tap.detect('[1, 2]')).toBe(false);
  });

  it('reads the same from chunks of any size', () => {
    // Formats are recognized in the first chunk, which holds more than a line in a file.
    expect(readFormat(tap, CLEAN, 9)).toEqual(readFormat(tap, CLEAN));
  });

  it('never looks complete if it was cut', () => {
    const end = CLEAN.indexOf('Result: PASS');
    for (let at = 9; at <= end; at += 1) {
      expect(readFormat(tap, CLEAN.slice(0, at)).errors, CLEAN.slice(0, at)).not.toEqual([]);
    }
  });

  it('says that results are missing if its totals claim more', () => {
    expect(readFormat(tap, CLEAN.replace('Tests=3', 'Tests=4'))).toMatchObject({
      others: ['plan: abort'],
      errors: ['12: prove says 3 files and 4 tests, but there are 3 files and 3 tests'],
    });
  });

  it('reports a script that fails although all its tests pass', () => {
    const dubious = 'Dubious, test returned 1 (wstat 256, 0x100)\nAll 1 subtests passed';
    const text = CLEAN.replace('ok 1 - one\nok\nAll', `ok 1 - one\n${dubious}\nAll`);
    expect(readFormat(tap, text).others).toEqual(['t/c.t > exit: crash']);
  });

  it('reports once that a script bailed out, and not that its plan is broken', () => {
    const text = CLEAN.replace(
      't/c.t .. \n1..1\nok 1 - one\nok\n',
      'Bailout called.  Further testing stopped:  no disk\nt/c.t .. \n1..9\nok 1 - one\n',
    );
    expect(readFormat(tap, text)).toMatchObject({ others: ['Bail out!: abort'], errors: [] });
  });
});
