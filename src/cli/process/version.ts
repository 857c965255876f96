import { readFileSync } from 'node:fs';

/** The version of this package, as its package.json has it. */
export function packageVersion(): string {
  const url = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(url, 'utf8')) as { version: string };
  return version;
}
