/** Checks the version of Node.js. Only package.json says which one is needed. */
import { readFileSync } from 'node:fs';

/** Says why a version cannot be used, or returns `undefined` if it can. */
export function unsupportedNode(version: string): string | undefined {
  const needed = neededNode();
  const [major = 0, minor = 0] = numbersOf(version);
  const [leastMajor = 0, leastMinor = 0] = numbersOf(needed);
  const isOld = major < leastMajor || (major === leastMajor && minor < leastMinor);
  return isOld ? `Node.js ${version} is too old: use ${needed} or newer` : undefined;
}

/** Returns, for example, `22.12`. */
function neededNode(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { engines } = JSON.parse(text) as { engines: { node: string } };
  return engines.node.replace(/^>=/, '');
}

function numbersOf(version: string): number[] {
  return version.split('.').map(Number);
}
