import type { Log } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { jsonLog, type LogLevel } from './json-log.ts';

function logTo(level: LogLevel = 'debug'): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  return { lines, log: jsonLog(level, { write: (line) => lines.push(JSON.parse(line)) }) };
}

test('a line is JSON with time, level, message and fields', () => {
  const { log, lines } = logTo();
  log.with({ type: 'finalize' }).warn('attempt failed', { id: 'x' });
  expect(lines).toEqual([
    {
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      type: 'finalize',
      id: 'x',
      message: 'attempt failed',
    },
  ]);
});

test('leaves out what is less important than the level', () => {
  const { log, lines } = logTo('warn');
  log.debug('a');
  log.info('b');
  log.warn('c');
  log.error('d');
  expect(lines.map(({ message }) => message)).toEqual(['c', 'd']);
});

test('says whether debug is on, also of a log with fields', () => {
  const logs = (['debug', 'info'] as const).map((level) => logTo(level).log);
  expect(logs.map((log) => log.isDebugEnabled)).toEqual([true, false]);
  expect(logs.map((log) => log.with({ owner: 'o' }).isDebugEnabled)).toEqual([true, false]);
});

test('an error keeps its stack and its causes', () => {
  const { log, lines } = logTo();
  log.error('oops', { error: new Error('outer', { cause: new TypeError('inner') }) });
  expect(lines[0]?.error).toMatchObject({
    type: 'Error',
    message: 'outer',
    stack: expect.stringContaining('json-log.test'),
    cause: { type: 'TypeError', message: 'inner' },
  });
});

test('bounds a line, whatever a caller has sent', () => {
  const { log, lines } = logTo();
  const long = 'x'.repeat(15_000_000);
  const deep = JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`);
  const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, long]));
  const error = new Error(long, { cause: new Error(long, { cause: new Error(long) }) });
  log.with({ caller: long }).error(long, { reason: long, error, deep, wide, list: [wide, wide] });
  expect(JSON.stringify(lines).length).toBeLessThan(1_000_000);
  expect(lines[0]?.reason).toMatch(/^x{4000}… \(15000000 characters\)$/);
});

test('has no character that a terminal obeys, and the value stays the same', () => {
  const written: string[] = [];
  const hostile = 'a\u001b[2J\u009b2J\u202e\u2028\u007f';
  jsonLog('info', { write: (line) => written.push(line) }).info(hostile, { id: hostile });
  expect(written.join('')).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(written.join(''))).toMatchObject({ id: hostile, message: hostile });
});

test('cuts out tokens that were passed by mistake', () => {
  const { log, lines } = logTo();
  log.info('call', { authorization: 'Bearer s3cr3t', call: { updateToken: 's3cr3t' } });
  expect(JSON.stringify(lines)).not.toContain('s3cr3t');
});
