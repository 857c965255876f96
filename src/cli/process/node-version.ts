/** The Node.js that this package needs: what package.json says, and nothing else does. */
import { readFileSync } from 'node:fs';

/** Why a version cannot be used; `undefined` where it can. */
export function unsupportedNode(version: string): string | undefined {
  const needed = neededNode();
  const [major = 0, minor = 0] = numbersOf(version);
  const [leastMajor = 0, leastMinor = 0] = numbersOf(needed);
  const isOld = major < leastMajor || (major === leastMajor && minor < leastMinor);
  return isOld ? `Node.js ${version} is too old: take ${needed} or newer` : undefined;
}

/** `22.12`. */
function neededNode(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { engines } = JSON.parse(text) as { engines: { node: string } };
  return engines.node.replace(/^>=/, '');
}

function numbersOf(version: string): number[] {
  return version.split('.').map(Number);
}
