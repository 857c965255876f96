/** Packages that only some users need. They are loaded on demand, and an error names a missing one. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { sep } from 'node:path';
import { CodedError, toError } from './errors.ts';

export interface OptionalPackage {
  readonly name: string;
  /** The subject of "needs" in the error: `the embedded database`. */
  readonly for: string;
  /** The version, or the range of versions, to install; the newest one if it is missing. */
  readonly version?: string | undefined;
}

/**
 * Throws `failed-precondition` if the package is missing, with the command that installs it, or if it cannot
 * be loaded, with the reason.
 */
export async function loadOptional<M>(needed: OptionalPackage, load: () => Promise<M>): Promise<M> {
  try {
    return await load();
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const trouble = isMissing(cause)
      ? `is not installed: ${installCommand(needed)}`
      : `cannot be loaded: ${toError(cause).message}`;
    const message = `${needed.for} needs the package ${needed.name}, which ${trouble}`;
    throw new CodedError('failed-precondition', message, { cause });
  }
}

/** Whether an import failed because the package is not installed. */
export function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}

/** Whether the package `name` is installed for the module `from`, its `import.meta.url`. It is not loaded. */
export function isInstalled(name: string, from: string): boolean {
  try {
    createRequire(from).resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Returns the version that a package.json asks for, among its optional packages or its peers. */
export function versionIn(packageFile: URL, name: string): string | undefined {
  const { optionalDependencies, peerDependencies } = JSON.parse(
    readFileSync(packageFile, 'utf8'),
  ) as Partial<Record<string, Readonly<Record<string, string>>>>;
  return optionalDependencies?.[name] ?? peerDependencies?.[name];
}

/** Returns the command that installs a package beside this one. */
export function installCommand(
  { name, version }: Pick<OptionalPackage, 'name' | 'version'>,
  here = import.meta.dirname,
): string {
  const spec = version === undefined ? name : `${name}@${version}`;
  const [place = ''] = here.split(`node_modules${sep}`);
  if (place === here) return `npm install ${spec}`;
  const fetched = fetchedByNpx(place);
  if (fetched) return `npx -y ${[...fetched, spec].map((each) => `-p ${each}`).join(' ')} …`;
  // A project has a package.json beside its `node_modules`; the folder of global packages has none.
  const isProject = existsSync(`${place}package.json`);
  return isProject ? `npm install ${spec}` : `npm install --global ${spec}`;
}

/** Returns the packages that npx was asked for, if `place` is a folder that it made. */
function fetchedByNpx(place: string): readonly string[] | undefined {
  if (!place.includes(`${sep}_npx${sep}`)) return undefined;
  const { dependencies = {} } = JSON.parse(readFileSync(`${place}package.json`, 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  return Object.keys(dependencies);
}
