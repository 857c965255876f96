import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatFlatId, parseFlatId, type StructuredId, structuredIdOf } from './structured-id.ts';

test('any text that begins with no colon is a case of the legacy module', () => {
  const id = { moduleName: 'legacy', moduleScheme: 'legacy', coarseName: '', fineName: '' };
  expect(parseFlatId('a:b!c#d\\')).toEqual({ ...id, caseName: 'a:b!c#d\\' });
  expect(formatFlatId({ ...id, caseName: 'a:b!c#d\\' })).toBe('a:b!c#d\\');
});

test('the case name keeps the escapes that its parts need', () => {
  expect(parseFlatId(':module\\:!s:coarse\\#:fine\\:\\!#case\\:\\\\\\#\\!:subCase')).toEqual({
    moduleName: 'module:',
    moduleScheme: 's',
    coarseName: 'coarse#',
    fineName: 'fine:!',
    caseName: 'case\\:\\\\#!:subCase',
  });
});

test('what was formatted is parsed as it was', () => {
  const name = fc.string({ unit: fc.constantFrom(...':!#\\aé👩'), maxLength: 6 });
  const caseName = fc
    .array(fc.constantFrom('\\:', '\\\\', ':', '!', '#', 'a', 'é'), { maxLength: 6 })
    .map((parts) => parts.join(''));
  const id: fc.Arbitrary<StructuredId> = fc.record({
    moduleName: name,
    moduleScheme: fc.constantFrom('junit', 'x1'),
    coarseName: name,
    fineName: name,
    caseName,
  });
  fc.assert(
    fc.property(id, (each) => {
      expect(parseFlatId(formatFlatId(each))).toEqual(each);
    }),
  );
});

test('a stored id that the rules do not allow any more is one of the legacy module', () => {
  expect(structuredIdOf(':x')).toMatchObject({ moduleName: 'legacy', caseName: ':x' });
});
