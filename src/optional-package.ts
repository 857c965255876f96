/** Packages that only some users need. They are loaded on demand, and an error names a missing one. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CodedError, toError } from './errors.ts';

export interface OptionalPackage {
  readonly name: string;
  /** The subject of "needs" in the error: `the embedded database`. */
  readonly for: string;
}

/**
 * Throws `failed-precondition` if the package is missing, with the command that installs it, or if it cannot
 * be loaded, with the reason.
 */
export async function loadOptional<M>(
  { name, for: purpose }: OptionalPackage,
  load: () => Promise<M>,
): Promise<M> {
  try {
    return await load();
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const trouble = isMissing(cause)
      ? `is not installed: ${installCommand(name)}`
      : `cannot be loaded: ${toError(cause).message}`;
    const message = `${purpose} needs the package ${name}, which ${trouble}`;
    throw new CodedError('failed-precondition', message, { cause });
  }
}

/** Whether an import failed because the package is not installed. */
export function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}

/** Whether the package is installed. It is not loaded. */
export function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns the command that installs a package beside this one, in the version that this one was tested
 * with.
 */
export function installCommand(name: string, here = packageFolder): string {
  const version = optionalDependencies[name];
  const spec = version === undefined ? name : `${name}@${version}`;
  switch (installedBy(here)) {
    case 'npx':
      return `npx -y -p @postlude/postlude -p ${spec} postlude …`;
    case 'global':
      return `npm install --global ${spec}`;
    case 'project':
      return `npm install ${spec}`;
  }
}

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const { optionalDependencies } = JSON.parse(
  readFileSync(`${packageFolder}package.json`, 'utf8'),
) as { optionalDependencies: Readonly<Record<string, string>> };

/** A project has a package.json beside its `node_modules`; the folder of global packages has none. */
function installedBy(folder: string): 'npx' | 'global' | 'project' {
  const [place] = folder.split(`node_modules${sep}`);
  if (place === undefined || place === folder) return 'project';
  if (place.includes(`${sep}_npx${sep}`)) return 'npx';
  return existsSync(`${place}package.json`) ? 'project' : 'global';
}
