import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReportDamage } from '../report.ts';
import { XmlReader } from './xml-reader.ts';

const MANY_ATTRIBUTES = Array.from({ length: 10_001 }, (_, i) => `a${i}=""`).join(' ');

describe('XmlReader', () => {
  it.each([
    ['a cut file', '<a>\n<b>', 2, 'the file ends inside of <b>: it was cut'],
    ['a cut tag', '<a>\n<b x="', 2, 'the file ends inside of <a>: it was cut'],
    ['crossed tags', '<a><b></a></b>', 1, 'unexpected close tag'],
    ['a second document', '<a/>\n<a/>', 2, 'a second document follows'],
    ['a second declaration', '<a/>\n<?xml version="1.0"?>', 2, 'a second document follows'],
    ['a raw ampersand', '<a>\nx & y</a>', 2, 'an "&" begins no reference: " y</a>" follows'],
    ['a raw less-than sign', '<a b="<"/>', 1, 'disallowed character'],
    ['an entity of its own', '<!DOCTYPE a [<!ENTITY e "x">]>\n<a>&e;</a>', 2, 'an entity that is'],
    ['an attribute twice', '<a b="1" b="2"/>', 1, 'duplicate attribute: b'],
    ['text after the document', '<a/>\nx', 2, 'text data outside of root node'],
    ['no document', '  \n', 2, 'document must contain a root element'],
    ['a tag in a reference', '<a>\n&#x<b/>\n;</a>', 2, 'an "&" begins no reference: "#x<b/>'],
    ['a long reference', `<a>&#${'1'.repeat(100)};</a>`, 1, 'an "&" begins no reference'],
    ['a name with a blank', '<a>&lt ;</a>', 1, 'an "&" begins no reference: "lt "'],
    ['endless nesting', '<a>'.repeat(201), 1, 'elements nest deeper than 200'],
    ['endless attributes', `<a ${MANY_ATTRIBUTES}/>`, 1, 'an element has more attributes'],
    ['an ampersand before a lot', `<a>\n&${'x'.repeat(200)}`, 2, 'an "&" begins no reference'],
  ])('refuses %s, and says where', (_, text, line, reason) => {
    const damage = damageOf(text);
    expect(damage.message).toContain(`the XML is not well formed: ${reason}`);
    expect(damage.line).toBe(line);
  });

  it.each([
    ['after', '<a/>\n x\n\ny'],
    ['before', '\r\nx\n\n<a/>'],
    ['in CDATA after', '<a/>\n<![CDATA[x\n]]>'],
    ['in CDATA before', '<?xml version="1.0"?>\n<![CDATA[x\n]]>'],
    ['after, with the line ends of XML 1.1', '<?xml version="1.1"?><a/>\x85x\u2028y'],
  ])('names the line of text %s the document, in chunks of any size', (_, text) => {
    for (const size of [1, 2, 3, 100]) expect(damageOf(text, size).line).toBe(2);
  });

  it('accepts characters that XML forbids, with one warning', () => {
    const { texts, warnings } = read('<a>\n\x1b[31m\n\x07</a>');
    expect(texts.join('')).toBe('\n\ufffd[31m\n\ufffd');
    expect(warnings).toEqual([
      '2: a character that XML forbids was replaced (2 times, first here)',
    ]);
  });

  it('takes references to characters that XML forbids', () => {
    const { texts, warnings } = read('<a>&#x1b;&#0;&#xFFFE;</a>');
    expect(texts.join('')).toBe('&#x1b;&#0;&#xFFFE;');
    expect(warnings).toHaveLength(1);
  });

  it('takes the end of a CDATA section in text', () => {
    const { texts, warnings } = read('<a>x ]]> y</a>');
    expect(texts.join('')).toBe('x ]]> y');
    expect(warnings).toEqual(['1: "]]>" in text']);
  });

  it.each([1, 2, 3, 100])('counts line ends of all kinds, in chunks of %i', (size) => {
    const warning = '4: a character that XML forbids was replaced';
    expect(read('<a>\r\r\n\n\x07\r</a>', size).warnings).toEqual([warning]);
  });

  it.each([1, 100])('warns in the order of lines, in chunks of %i', (size) => {
    expect(read('<a>&#0;\n\x07]]></a>', size).warnings).toEqual([
      '1: a reference to a character that XML forbids',
      '2: "]]>" in text',
      '2: a character that XML forbids was replaced',
    ]);
  });

  it.each([100, 1, 2, 7])('accepts white space before the declaration, in chunks of %i', (size) => {
    const { opened, warnings } = read('\n <?xml version="1.0"?><a/>', size);
    expect(opened).toEqual(['a {}']);
    expect(warnings).toEqual(['1: white space before the XML declaration']);
  });

  it('fetches and expands nothing that a DTD names', () => {
    const dtd = '<!DOCTYPE a SYSTEM "file:///nowhere.dtd" [<!ENTITY e SYSTEM "file:///nowhere">]>';
    expect(read(`${dtd}<a>x</a>`).texts).toEqual(['x']);
    expect(damageOf(`${dtd}<a>&e;</a>`).message).toContain('an entity');
  });

  it('drops the prefixes of namespaces', () => {
    expect(read('<j:a xmlns:j="urn:j" j:b="1"><j:c/></j:a>').opened).toEqual([
      'a {"xmlns:j":"urn:j","j:b":"1"}',
      'c {}',
    ]);
  });

  it('shortens an endless text in bounded memory, with a warning', () => {
    const piece = 'x'.repeat(64 * 1024);
    const { texts, warnings } = read(`<a><![CDATA[${piece.repeat(40)}]]></a>`, 64 * 1024);
    expect(texts.join('').length).toBeLessThan(1.1 * 1024 * 1024);
    expect(warnings[0]).toContain('a text is longer than 1048576 characters and was shortened');
  });

  it('reads the same from chunks of any size', () => {
    const text = '<?xml version="1.0"?>\r\n<a b="ü&amp;😀">\r\n<c/>x\x1b<![CDATA[]]]>&#10;</a>';
    const whole = read(text);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: text.length }), (size) => {
        const { opened, texts } = read(text, size);
        expect(opened).toEqual(whole.opened);
        expect(texts.join('')).toBe(whole.texts.join(''));
      }),
    );
  });
});

interface Reading {
  readonly opened: readonly string[];
  readonly texts: readonly string[];
  readonly warnings: readonly string[];
}

function read(text: string, chunkSize = text.length): Reading {
  const opened: string[] = [];
  const texts: string[] = [];
  const warnings: string[] = [];
  const reader = new XmlReader(
    {
      open: (name, attributes) => opened.push(`${name} ${JSON.stringify(attributes)}`),
      close: () => {},
      text: (piece) => texts.push(piece),
    },
    {
      execution: () => {},
      unnamedSkips: () => {},
      error: () => {},
      warning: (line, message) => warnings.push(`${line}: ${message}`),
    },
  );
  for (let at = 0; at < text.length; at += chunkSize) reader.push(text.slice(at, at + chunkSize));
  reader.end();
  return { opened, texts, warnings };
}

function damageOf(text: string, size?: number): ReportDamage {
  try {
    read(text, size);
  } catch (error) {
    if (error instanceof ReportDamage) return error;
    throw error;
  }
  throw new Error('the text was read without damage');
}
