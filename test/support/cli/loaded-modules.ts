import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';

/** Prints the modules that a process has loaded when it ends. */
const LIST_MODULES = `
  import { writeSync } from 'node:fs';
  import { registerHooks } from 'node:module';
  const loaded = [];
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
  process.on('exit', () => writeSync(2, JSON.stringify(loaded)));`;

/** Runs the command `main`, and returns the URLs of the files that it loaded as modules, without its own. */
export function loadedModules(main: string, args: readonly string[]): string[] {
  const hooks = `data:text/javascript,${encodeURIComponent(LIST_MODULES)}`;
  const { stderr, status } = spawnSync(process.execPath, ['--import', hooks, main, ...args], {
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  const urls = JSON.parse(stderr.slice(stderr.indexOf('["'))) as string[];
  return urls.filter((url) => url.startsWith('file:') && url !== `file://${main}`);
}
