import { expect, test } from 'vitest';
import { schemeList } from './scheme-config.ts';

test('a scheme has an id, a name, and the levels of its ids', () => {
  const own = { id: 'pytest', name: 'pytest', fine: { name: 'Module', pattern: '^[a-z/]+$' } };
  expect(schemeList([{ ...own, case: { name: 'Function' } }], '.')).toEqual([
    {
      id: 'pytest',
      humanReadableName: 'pytest',
      coarse: undefined,
      fine: { humanReadableName: 'Module', validationRegexp: '^[a-z/]+$' },
      case: { humanReadableName: 'Function', validationRegexp: undefined },
    },
  ]);
});

const valid = { id: 'own', name: 'Own', case: { name: 'Case' } };

test.each([
  [{}, 'must be a list of schemes'],
  [[1], '[0]: must be a mapping with id, name and levels'],
  [[{ ...valid, id: 'Own' }], '[0]: id: must be a letter, then up to 19 letters or digits'],
  [[{ ...valid, id: 'legacy' }], '[0]: id: must not be legacy'],
  [[{ ...valid, case: { name: '' } }], '[0]: case: name: must not be empty'],
  [[{ ...valid, case: { name: 'C', pattern: '(' } }], '[0]: case: pattern: must be an RE2 pattern'],
  [[{ ...valid, coarse: { name: 'C' } }], '[0]: coarse: needs fine, too'],
])('refuses %j', (value, message) => {
  expect(() => schemeList(value, '.')).toThrow(message);
});
