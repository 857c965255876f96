/**
 * How a command is started. Elsewhere than on Windows: as it is. Windows itself starts .exe and .com files only;
 * npm, npx, yarn and all of node_modules/.bin are .cmd scripts there, which cmd.exe runs. It splits one line
 * into words by rules of its own, so each argument is quoted for the program, and then escaped for cmd.exe; twice
 * for the scripts of node_modules/.bin, which hand their arguments on through cmd.exe again. These are the
 * rules of npm's own cross-spawn.
 */
import { win32 } from 'node:path';

export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  /** `args` are words of a line that is quoted already. */
  readonly isVerbatim?: true;
}

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exists: (path: string) => boolean;
}

const DEFAULT_EXTENSIONS = '.COM;.EXE;.BAT;.CMD';
/** What cmd.exe takes for more than a letter. */
const META = /[()%!^"`<>&|;, *?[\]]/g;
const SCRIPT_OF_NPM = /node_modules[\\/]\.bin[\\/][^\\/]+\.cmd$/i;

export function launchOf(
  [file, ...args]: readonly [string, ...string[]],
  surroundings: Surroundings,
): Launch {
  if (surroundings.platform !== 'win32') return { file, args };
  const found = findProgram(file, surroundings);
  // What is not there is refused by the system, in its own words.
  if (found === undefined || /\.(exe|com)$/i.test(found)) return { file: found ?? file, args };
  const isTwice = SCRIPT_OF_NPM.test(found);
  const words = args.map(quote).map(escapeForShell);
  const line = [escapeForShell(found), ...(isTwice ? words.map(escapeForShell) : words)].join(' ');
  const shell = variable(surroundings.env, 'ComSpec') ?? 'cmd.exe';
  return { file: shell, args: ['/d', '/s', '/c', `"${line}"`], isVerbatim: true };
}

/** As cmd.exe looks for it: here first, then along PATH, by the extensions of PATHEXT. */
function findProgram(name: string, { cwd, env, exists }: Surroundings): string | undefined {
  const extensions = (variable(env, 'PATHEXT') ?? DEFAULT_EXTENSIONS).split(';').filter(Boolean);
  const isPath = /[\\/:]/.test(name);
  const folders = isPath
    ? [cwd]
    : [cwd, ...(variable(env, 'PATH') ?? '').split(';').filter(Boolean)];
  const endings = win32.extname(name) === '' ? extensions : ['', ...extensions];
  for (const folder of folders) {
    for (const ending of endings) {
      const path = win32.resolve(cwd, folder, `${name}${ending.toLowerCase()}`);
      if (exists(path)) return path;
    }
  }
  return undefined;
}

/** Names of variables have no case there. */
function variable(env: Surroundings['env'], name: string): string | undefined {
  const key = Object.keys(env).find((each) => each.toUpperCase() === name.toUpperCase());
  return key === undefined ? undefined : env[key];
}

function escapeForShell(text: string): string {
  return text.replace(META, '^$&');
}

/** For the rules by which programs split their line: backslashes count before a quote only. */
function quote(arg: string): string {
  return `"${arg.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\*)$/, '$1$1')}"`;
}
