import { describe, expect, test } from 'vitest';
import { collectTarget } from './new-invocation.ts';

describe('an export', () => {
  test.each([
    ['p.d.t', { project: 'p', dataset: 'd', table: 't' }],
    ['my-ci.test_results.all', { project: 'my-ci', dataset: 'test_results', table: 'all' }],
    ['example.com:ci.d.t', { project: 'example.com:ci', dataset: 'd', table: 't' }],
    ['ci.example.co.uk:p-1.d.t', { project: 'ci.example.co.uk:p-1', dataset: 'd', table: 't' }],
  ])('goes to %s, behind those before it', (text, target) => {
    const before = { project: 'a', dataset: 'b', table: 'c' };
    expect(collectTarget(text, [before])).toEqual([before, target]);
  });

  test.each([
    ...['', 'p', 'p.d', 'p.d.', '.d.t', 'p..t', 'p.d.t.x', 'example.com:p.d', ':p.d.t'],
    ...['example.com:.d.t', 'p:d.t', 'a:b:p.d.t', 'p.d:t.x'],
  ])('does not go to "%s"', (text) => {
    expect(() => collectTarget(text)).toThrow('project.dataset.table');
  });
});
