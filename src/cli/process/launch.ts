/**
 * Decides how a command is started. On all systems but Windows, it is started as it is. Windows itself starts
 * only .exe and .com files; npm, npx, yarn and everything in node_modules/.bin are .cmd scripts there, which
 * cmd.exe runs. It splits one line into words by its own rules, so each argument is quoted for the program and
 * then escaped for cmd.exe, twice for the scripts of node_modules/.bin, which pass their arguments through
 * cmd.exe again. These are the rules of npm's own cross-spawn.
 */
import { win32 } from 'node:path';

export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  /** Set if `args` are words of a line that is already quoted. */
  readonly isVerbatim?: true;
}

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exists: (path: string) => boolean;
}

const DEFAULT_EXTENSIONS = '.COM;.EXE;.BAT;.CMD';
/** The characters that are special to cmd.exe. */
const META = /[()%!^"`<>&|;, *?[\]]/g;
const SCRIPT_OF_NPM = /node_modules[\\/]\.bin[\\/][^\\/]+\.cmd$/i;

export function launchOf(
  [file, ...args]: readonly [string, ...string[]],
  surroundings: Surroundings,
): Launch {
  if (surroundings.platform !== 'win32') return { file, args };
  const found = findProgram(file, surroundings);
  // If the program does not exist, the system reports that itself.
  if (found === undefined || /\.(exe|com)$/i.test(found)) return { file: found ?? file, args };
  const isTwice = SCRIPT_OF_NPM.test(found);
  const words = args.map(quote).map(escapeForShell);
  const line = [escapeForShell(found), ...(isTwice ? words.map(escapeForShell) : words)].join(' ');
  const shell = variable(surroundings.env, 'ComSpec') ?? 'cmd.exe';
  return { file: shell, args: ['/d', '/s', '/c', `"${line}"`], isVerbatim: true };
}

/** Searches as cmd.exe does: first here, then along PATH, with the extensions of PATHEXT. */
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

/** On Windows, names of environment variables are case-insensitive. */
function variable(env: Surroundings['env'], name: string): string | undefined {
  const key = Object.keys(env).find((each) => each.toUpperCase() === name.toUpperCase());
  return key === undefined ? undefined : env[key];
}

function escapeForShell(text: string): string {
  return text.replace(META, '^$&');
}

/** Follows the rules by which programs split their command line: a backslash is special only before a quote. */
function quote(arg: string): string {
  return `"${arg.replace(/(?<!\\)(\\*)"/g, '$1$1\\"').replace(/(?<!\\)\\+$/, '$&$&')}"`;
}
