import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeReports } from '../../test/support/reports/report-files.ts';
import { openTextFile } from './text-file.ts';

const latin = (text: string) => Buffer.from(text, 'latin1');

describe('a text file', () => {
  it('says that a declared encoding is not known', async () => {
    const bytes = latin('<?xml version="1.0" encoding="EBCDIC-XX"?>');
    await expect(read(bytes)).rejects.toThrow('the encoding EBCDIC-XX is not known');
  });

  it('is not a folder or a pipe, which cannot be read twice', async () => {
    await expect(readPath('.')).rejects.toThrow('not a file that can be read twice');
  });

  it('reports the first line with bytes that are invalid in its encoding', async () => {
    const { text, firstReplacedLine } = await read(Buffer.concat([latin('a\nb\xff\n\xff')]));
    expect(text).toBe('a\nb\ufffd\n\ufffd');
    expect(firstReplacedLine).toBe(2);
  });

  it('does not tell replacement characters that it holds itself', async () => {
    const { text, firstReplacedLine } = await read(Buffer.from('a\ufffdb'));
    expect(text).toBe('a\ufffdb');
    expect(firstReplacedLine).toBeUndefined();
  });

  it('reports a character that the end of the file cuts off', async () => {
    const { text, firstReplacedLine } = await read(Buffer.from('aü').subarray(0, 2));
    expect(text).toBe('a\ufffd');
    expect(firstReplacedLine).toBe(1);
  });

  it.each([
    ['UTF-8', Buffer.from('<a>ü–😀')],
    ['UTF-8 with a mark', Buffer.from('\ufeff<a>ü–😀')],
    ['UTF-16LE with a mark', Buffer.from('\ufeff<a>ü–😀', 'utf16le')],
    ['UTF-16LE', Buffer.from('<a>ü–😀', 'utf16le')],
    ['UTF-16BE with a mark', Buffer.from('\ufeff<a>ü–😀', 'utf16le').swap16()],
    ['UTF-16BE', Buffer.from('<a>ü–😀', 'utf16le').swap16()],
  ])('is read in %s', async (_, bytes) => {
    expect(await read(bytes)).toMatchObject({ text: '<a>ü–😀', firstReplacedLine: undefined });
  });

  it.each([
    ['windows-1252', '\x96\x93', '–“'],
    ['ISO-8859-1', '\xe9', 'é'],
    ['ISO-8859-5', '\xd0', 'а'],
    // The bytes were re-encoded in UTF-8, but the declaration was kept.
    ['UTF-16', '\xc3\xa9', 'é'],
  ])('is read as its XML declaration says: %s', async (encoding, bytes, text) => {
    const declaration = `<?xml version='1.0' encoding='${encoding}'?>`;
    expect((await read(latin(declaration + bytes))).text).toBe(declaration + text);
  });

  it.skipIf(process.platform === 'win32')(
    'is refused if it is a pipe, without waiting',
    async () => {
      const pipe = `${writeReports({ report: '' })[0]}.pipe`;
      execFileSync('mkfifo', [pipe]);
      await expect(readPath(pipe)).rejects.toThrow('not a file that can be read twice');
    },
  );

  it('is read completely, whatever lies across the borders of chunks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -4, max: 4 }), async (shift) => {
        const text = `${'x'.repeat(64 * 1024 + shift)}ü\ufffd😀`;
        expect(await read(Buffer.from(text))).toMatchObject({ text, firstReplacedLine: undefined });
      }),
      { numRuns: 9 },
    );
  });
});

async function read(bytes: Uint8Array) {
  return readPath(writeReports({ report: bytes })[0] ?? '');
}

async function readPath(path: string) {
  const file = openTextFile(path);
  const text = (await Array.fromAsync(file.chunks)).join('');
  return { text, firstReplacedLine: file.firstReplacedLine() };
}
