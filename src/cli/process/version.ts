import { readFileSync } from 'node:fs';

/** Returns the version of this package from its package.json. */
export function packageVersion(): string {
  const url = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(url, 'utf8')) as { version: string };
  return version;
}
