import { describe, expect, test } from 'vitest';
import { launchOf, type Surroundings } from './launch.ts';

const NPM = 'C:\\Program Files\\nodejs\\npm.cmd';
const SHIM = 'D:\\work\\node_modules\\.bin\\vitest.cmd';
const NODE = 'C:\\Program Files\\nodejs\\node.exe';

function windows(...files: string[]): Surroundings {
  return {
    platform: 'win32',
    cwd: 'D:\\work',
    env: { Path: 'C:\\Windows;C:\\Program Files\\nodejs', PATHEXT: '.COM;.EXE;.BAT;.CMD' },
    exists: (path) => files.includes(path),
  };
}

/** Returns the arguments that a program gets from a line that cmd.exe reads `times` times. */
function wordsAfter(line: string, times: number): string[] {
  const inner = line.slice(1, -1); // cmd.exe /s removes the outer quotes
  let text = inner;
  for (let pass = 0; pass < times; pass++) text = text.replace(/\^([\s\S])/g, '$1');
  const words = text.match(/"(?:\\.|[^"\\])*"/g) ?? [];
  const unquote = (word: string): string =>
    word
      .slice(1, -1)
      .replace(/(\\*)\\"/g, '$1"')
      .replace(/(\\*)\1$/, '$1');
  return words.map(unquote);
}

test('a command is started unchanged on all systems but Windows', () => {
  const linux = { ...windows(), platform: 'linux' } as const;
  expect(launchOf(['npm', 'test'], linux)).toEqual({ file: 'npm', args: ['test'] });
});

describe('on Windows', () => {
  test('npm is npm.cmd, which cmd.exe runs', () => {
    expect(launchOf(['npm', 'test'], windows(NPM))).toEqual({
      file: 'cmd.exe',
      args: ['/d', '/s', '/c', '"C:\\Program^ Files\\nodejs\\npm.cmd ^"test^""'],
      isVerbatim: true,
    });
    const named = launchOf(['npm.cmd', 'test'], windows(NPM));
    expect(named).toEqual(launchOf(['npm', 'test'], windows(NPM)));
  });

  test.each([
    ['npm', NPM, 1],
    ['vitest', SHIM, 2],
  ])(
    'nothing in an argument of %s is left to cmd.exe, which reads it %3$d times',
    (name, file, times) => {
      const hostile = [
        'a b',
        '& del *',
        '%PATH%',
        '"quoted"',
        'x|y>z',
        '^',
        '(!a!)',
        'C:\\a b\\',
        '',
      ];
      const surroundings = windows(file);
      const env = {
        ...surroundings.env,
        Path: 'C:\\Program Files\\nodejs;D:\\work\\node_modules\\.bin',
      };
      const { args } = launchOf([name, ...hostile], { ...surroundings, env });
      const line = args.at(-1) ?? '';
      expect(wordsAfter(line, times)).toEqual(hostile);
      const bare = line.slice(1, -1).replace(/\^[\s\S]/g, '');
      expect(bare).not.toMatch(/[()%!^"<>&|;,*?]/);
    },
  );

  test('a program is started by itself, with its arguments as they are', () => {
    const args = ['-e', 'console.log("a b")'];
    expect(launchOf(['node', ...args], windows(NODE, NPM))).toEqual({ file: NODE, args });
  });

  test('a script of the project takes precedence over PATH, and may be named by its path', () => {
    const [, , , line] = launchOf(['node_modules/.bin/vitest', 'run'], windows(SHIM)).args;
    expect(line).toBe('"D:\\work\\node_modules\\.bin\\vitest.cmd ^^^"run^^^""');
    const here = launchOf(['npm'], windows('D:\\work\\npm.exe', NPM));
    expect(here).toEqual({ file: 'D:\\work\\npm.exe', args: [] });
  });

  test('a missing command is left to the system, which reports it', () => {
    expect(launchOf(['nothing', 'x'], windows(NPM))).toEqual({ file: 'nothing', args: ['x'] });
  });
});
