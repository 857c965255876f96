import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EarlierFiles } from './earlier-files.ts';
import { findReports } from './find-reports.ts';

async function folderWith(...names: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-reports-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const name of names) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), '');
  }
  return folder;
}

describe('findReports', () => {
  test('names each pattern that finds nothing, though others find something', async () => {
    const cwd = await folderWith('a.xml');
    const { files, problems } = await findReports(cwd, ['a.xml', 'b.xml', 'out/*.json']);
    expect(files).toEqual([join(cwd, 'a.xml')]);
    expect(problems).toMatchObject([
      { file: 'b.xml', severity: 'error' },
      { file: 'out/*.json', severity: 'error' },
    ]);
  });

  test('finds nothing in a folder that is named without a pattern', async () => {
    const cwd = await folderWith('out/a.xml');
    expect(await findReports(cwd, ['out'])).toMatchObject({
      files: [],
      problems: [{ file: 'out' }],
    });
  });

  test('finds a file once, whichever patterns match it, in hidden folders too', async () => {
    const cwd = await folderWith('.out/deep/a.xml', '.out/b.xml');
    const { files } = await findReports(cwd, ['.out/**/*.xml', '**/a.xml', '.out/b.xml']);
    expect(files).toEqual([join(cwd, '.out/b.xml'), join(cwd, '.out/deep/a.xml')]);
  });

  test('finds a file once, though patterns lead to it by several links', async () => {
    const cwd = await folderWith('sub/a.xml');
    await symlink('.', join(cwd, 'sub/loop'));
    const { files } = await findReports(cwd, ['sub/*.xml', 'sub/*/*.xml', 'sub/loop/loop/a.xml']);
    expect(files).toEqual([join(cwd, 'sub/a.xml')]);
  });

  test.each([
    ['..*', '..a.xml'],
    ['..out/**', '..out/a.xml'],
    ['....', '....'],
    ['out/..*/*.xml', 'out/..in/a.xml'],
    ['..{/}', undefined],
  ])('takes the name %s for none of a folder above', async (pattern, name) => {
    const cwd = await folderWith('a.xml', 'here/b.xml', ...(name ? [`here/${name}`] : []));
    const { files } = await findReports(join(cwd, 'here'), [pattern]);
    expect(files).toEqual(name ? [join(cwd, 'here', name)] : []);
    expect((await findReports(tmpdir(), [join(cwd, 'here', pattern)])).files).toEqual(files);
  });

  test('accepts absolute patterns', async () => {
    const cwd = await folderWith('a.xml');
    const { files } = await findReports(tmpdir(), [join(cwd, '*.xml')]);
    expect(files).toEqual([join(cwd, 'a.xml')]);
  });

  test('finds a file whose name looks like a pattern', async () => {
    const cwd = await folderWith('TEST-sum[1].xml', 'TEST-sum1.xml');
    const { files } = await findReports(cwd, ['TEST-sum[1].xml']);
    expect(files).toEqual([join(cwd, 'TEST-sum[1].xml')]);
  });

  test('excludes what a negated pattern matches', async () => {
    const cwd = await folderWith('out/a.xml', 'out/old/a.xml');
    const { files, problems } = await findReports(cwd, ['out/**/*.xml', '!out/old/**']);
    expect(files).toEqual([join(cwd, 'out/a.xml')]);
    expect(problems).toEqual([]);
  });

  test('excludes a named file if a negated pattern matches it, as shells expand patterns', async () => {
    const cwd = await folderWith('out/a.xml', 'out/junk.xml');
    const named = ['out/a.xml', join(cwd, 'out/junk.xml')];
    const { files, problems } = await findReports(cwd, [...named, '!out/j*.xml']);
    expect(files).toEqual([join(cwd, 'out/a.xml')]);
    expect(problems).toEqual([]);
  });

  test('excludes a file by its name, even if that looks like a pattern', async () => {
    const cwd = await folderWith('sum[1].xml', 'sum1.xml');
    const { files } = await findReports(cwd, ['*.xml', '!sum[1].xml']);
    expect(files).toEqual([join(cwd, 'sum1.xml')]);
  });

  test('a negated pattern does not make the search begin higher', async () => {
    const parent = await folderWith('in/a.xml', 'other/a.xml');
    await symlink('/', join(parent, 'other/root'));
    const { files, problems } = await findReports(join(parent, 'in'), ['{a,sub/a}.xml', '!../x']);
    expect([files, problems]).toEqual([[join(parent, 'in/a.xml')], []]);
  });

  test('a pattern that could take time without end is refused, unless it is a name', async () => {
    const cwd = await folderWith('+(a|aa).xml');
    expect((await findReports(cwd, ['+(a|aa).xml'])).problems).toEqual([]);
    expect((await findReports(cwd, ['+(b|bb).xml', `${'x'.repeat(5_000)}`])).problems).toEqual([
      expect.objectContaining({ severity: 'error', message: expect.stringContaining('ambiguous') }),
      expect.objectContaining({ severity: 'error', message: expect.stringContaining('4096') }),
    ]);
  });

  test.each(['a//', './a/.//', '*//'])('takes empty parts of a pattern: %s', async (pattern) => {
    expect((await findReports(await folderWith('b.xml'), [pattern])).problems).toHaveLength(
      pattern.startsWith('*') ? 0 : 1,
    );
  });

  test('reports a problem if all patterns are negated', async () => {
    const cwd = await folderWith('a.xml');
    expect(await findReports(cwd, ['!b.xml'])).toMatchObject({
      files: [],
      problems: [{ file: '!b.xml', severity: 'error' }],
    });
  });

  test('takes only files that have changed since they were first listed', async () => {
    const cwd = await folderWith('same.xml', 'longer.xml', 'later.xml', 'gone.xml', 'sub/same.xml');
    const patterns = ['*.xml', 'sub/*.xml'];
    const earlier = await EarlierFiles.at((await findReports(cwd, patterns)).files);
    await writeFile(join(cwd, 'longer.xml'), 'x');
    await utimes(join(cwd, 'later.xml'), new Date(), new Date('2001-01-01'));
    await writeFile(join(cwd, 'new.xml'), '');
    await rm(join(cwd, 'gone.xml'));
    const { files, unchanged, problems } = await findReports(cwd, patterns, { earlier });
    expect(files).toEqual(['later.xml', 'longer.xml', 'new.xml'].map((name) => join(cwd, name)));
    expect(unchanged).toEqual([join(cwd, 'same.xml'), join(cwd, 'sub/same.xml')]);
    expect(problems).toMatchObject([
      { file: 'sub/*.xml', severity: 'error', message: expect.stringContaining('not written') },
    ]);
  });

  test('follows no link out of the folder that the pattern names', async () => {
    const outside = await folderWith('secret.xml');
    const cwd = await folderWith('out/a.xml');
    await symlink(join(outside, 'secret.xml'), join(cwd, 'out/link.xml'));
    await symlink(outside, join(cwd, 'out/folder'));
    for (const patterns of [
      ['out/*.xml'],
      ['out/link.xml', 'out/a.xml'],
      ['out/*.xml', '**/*.xml'],
    ]) {
      const { files, problems } = await findReports(cwd, patterns);
      expect(files).toEqual([join(cwd, 'out/a.xml')]);
      expect(problems.filter(({ severity }) => severity === 'error')[0]).toMatchObject({
        message: expect.stringContaining('a link leads out'),
      });
    }
  });

  test('follows a folder that the pattern names, as bazel-testlogs is a link', async () => {
    const outside = await folderWith('a/test.xml');
    const cwd = await folderWith();
    await symlink(outside, join(cwd, 'bazel-testlogs'));
    const { files, problems } = await findReports(cwd, ['bazel-testlogs/**/test.xml']);
    expect(files).toEqual([join(cwd, 'bazel-testlogs/a/test.xml')]);
    expect(problems).toEqual([]);
  });

  test('finds a file once, through loops of links and several links', async () => {
    const cwd = await folderWith('out/a.xml');
    await symlink('.', join(cwd, 'out/loop'));
    await symlink('a.xml', join(cwd, 'out/again.xml'));
    await symlink('self.xml', join(cwd, 'out/self.xml'));
    await symlink('nowhere.xml', join(cwd, 'out/gone.xml'));
    expect((await findReports(cwd, ['out/**/*.xml'])).files).toEqual([join(cwd, 'out/a.xml')]);
  });

  test('accepts an empty list of patterns', async () => {
    expect(await findReports(tmpdir(), [])).toEqual({ files: [], unchanged: [], problems: [] });
  });
});

describe.skipIf(process.platform === 'win32')('links', () => {
  async function linked() {
    const cwd = await folderWith('out/a.xml', 'deep/b.xml');
    const outside = await folderWith('secret.xml', 'in/c.xml');
    return { cwd, outside };
  }

  test('within the folder are followed, and loops of them end', async () => {
    const { cwd } = await linked();
    await symlink(join(cwd, 'deep'), join(cwd, 'out/more'));
    await symlink(join(cwd, 'out'), join(cwd, 'out/again'));
    const { files, problems } = await findReports(cwd, ['out/**/*.xml']);
    expect(files).toContain(join(cwd, 'out/a.xml'));
    expect(files).toContain(join(cwd, 'out/more/b.xml'));
    expect(problems).toEqual([]);
  });

  test('that lead out of the folder are left out, unless that is asked for', async () => {
    const { cwd, outside } = await linked();
    await symlink(join(outside, 'in'), join(cwd, 'out/folder'));
    await symlink(join(outside, 'secret.xml'), join(cwd, 'out/file.xml'));
    const { files, problems } = await findReports(cwd, ['out/**/*.xml']);
    expect(files).toEqual([join(cwd, 'out/a.xml')]);
    expect(problems).toMatchObject([
      { severity: 'warning', message: expect.stringMatching(/not followed: .*out\/folder/) },
      { severity: 'error', message: expect.stringMatching(/a link leads out.*--follow-links/) },
    ]);
    const all = await findReports(cwd, ['out/**/*.xml'], { followLinks: true });
    expect(all.files).toHaveLength(3);
    expect(all.problems).toEqual([]);
  });

  test.each(['up/*.xml', 'up/**/*.xml'])(
    'to a folder that holds this one are not followed where %s begins, either',
    async (pattern) => {
      const { cwd } = await linked();
      await symlink(dirname(cwd), join(cwd, 'up'));
      const { files, problems } = await findReports(cwd, [pattern]);
      expect(files).toEqual([]);
      expect(problems).toMatchObject([{ severity: 'error' }]);
    },
  );

  test('are not followed if they are a named file', async () => {
    const { cwd, outside } = await linked();
    await symlink(join(outside, 'secret.xml'), join(cwd, 'a.xml'));
    expect((await findReports(cwd, ['a.xml'])).files).toEqual([]);
    expect((await findReports(cwd, [join(outside, 'secret.xml')])).files).toHaveLength(1);
    expect((await findReports(cwd, [join(outside, '**/*.xml')])).files).toHaveLength(2);
  });

  test('to what is not a regular file are left out with a warning', async () => {
    const { cwd } = await linked();
    execFileSync('mkfifo', [join(cwd, 'pipe')]);
    await symlink(join(cwd, 'pipe'), join(cwd, 'out/pipe.xml'));
    const { files, problems } = await findReports(cwd, ['out/*.xml']);
    expect(files).toEqual([join(cwd, 'out/a.xml')]);
    expect(problems).toMatchObject([{ severity: 'warning', message: 'not a regular file' }]);
  });

  test('a search that is aborted ends with the reason', async () => {
    const { cwd } = await linked();
    const stopped = new AbortController();
    const search = findReports(cwd, ['**/*.xml'], { signal: stopped.signal });
    stopped.abort(new Error('stopped'));
    await expect(search).rejects.toThrow('stopped');
  });
});
