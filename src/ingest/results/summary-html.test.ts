import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { summaryHtmlOf } from './summary-html.ts';

describe('summaryHtmlOf', () => {
  it.each([
    ['', ''],
    [' \n', ''],
    ['<b>&"\'', '<pre>&lt;b&gt;&amp;&quot;&#39;</pre>'],
    ['\x1b[31mred\x1b[0m \ufffd[1;32mgreen', '<pre>red green</pre>'],
    ['a\0b\ud800', '<pre>a\ufffdb\ufffd</pre>'],
  ])('writes %j as %j', (summary, html) => {
    expect(summaryHtmlOf(summary)).toBe(html);
  });

  it('never holds markup or more than 4096 bytes, and says what it left out', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 6000 });
    const mostlyEscaped = fc.string({ unit: fc.constantFrom('&', '<', 'ü', '😀', ';') });
    fc.assert(
      fc.property(
        fc.oneof(anything, mostlyEscaped),
        fc.integer({ min: 1, max: 400 }),
        (text, n) => {
          const html = summaryHtmlOf(text.repeat(n));
          const inside = html.replace(/^<pre>/, '').replace(/<\/pre>$/, '');
          expect(Buffer.byteLength(html)).toBeLessThanOrEqual(4096);
          expect(inside).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
          const isWhole = inside.length >= text.repeat(n).length / 2;
          if (Buffer.byteLength(text.repeat(n)) > 4096 && !isWhole && html !== '') {
            expect(inside).toContain('… (shortened)');
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
