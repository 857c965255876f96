/**
 * Builds an emulator from its Go module. The module is fetched at the pinned version and compared
 * with the pinned sum; the program appears under its name only when it is whole.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import {
  emulatorPath,
  emulatorsFolder,
  type GoEmulator,
} from '../test/support/network/emulators.ts';

export async function buildGoEmulator(emulator: GoEmulator): Promise<void> {
  await mkdir(emulatorsFolder(), { recursive: true });
  const scratch = await mkdtemp(join(emulatorsFolder(), '.build-'));
  try {
    const files = await download(emulator, scratch);
    if (isPatched(emulator)) await copyPatched(emulator, files, join(scratch, 'module'));
    await writeFile(join(scratch, 'go.mod'), goMod(emulator));
    const built = join(scratch, basename(emulatorPath(emulator)));
    const program = posix.join(emulator.module, emulator.folder ?? '');
    await go(['build', '-mod=mod', '-buildvcs=false', '-o', built, program], scratch);
    await mkdir(dirname(emulatorPath(emulator)), { recursive: true });
    await rename(built, emulatorPath(emulator));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Returns the folder of the module's files. */
async function download({ module, version, sum }: GoEmulator, cwd: string): Promise<string> {
  const answer = await go(['mod', 'download', '-json', `${module}@${version}`], cwd);
  const downloaded = JSON.parse(answer) as { readonly Dir: string; readonly Sum: string };
  if (downloaded.Sum === sum) return downloaded.Dir;
  throw new Error(`${module}@${version} has the sum ${downloaded.Sum}, but ${sum} is pinned`);
}

/** Copies only the files at the top, which is enough for a program of one package. */
async function copyPatched({ patches }: GoEmulator, from: string, to: string): Promise<void> {
  await mkdir(to);
  const entries = await readdir(from, { withFileTypes: true });
  for (const { name } of entries.filter((entry) => entry.isFile())) {
    await writeFile(join(to, name), await readFile(join(from, name)));
  }
  for (const { file, text, by } of patches) {
    const parts = (await readFile(join(to, file), 'utf8')).split(text);
    if (parts.length !== 2)
      throw new Error(`${file} has ${text} ${parts.length - 1} times, not once`);
    await writeFile(join(to, file), parts.join(by));
  }
}

function isPatched({ patches }: GoEmulator): boolean {
  return patches.length > 0;
}

function goMod(emulator: GoEmulator): string {
  const { module, version } = emulator;
  return [
    'module scratch',
    'go 1.21',
    `require ${module} ${version}`,
    ...(isPatched(emulator) ? [`replace ${module} => ./module`] : []),
    '',
  ].join('\n');
}

async function go(args: readonly string[], cwd: string): Promise<string> {
  // The user's own flags could turn off modules, or name a workspace.
  const env = { ...process.env, GOFLAGS: '', GOWORK: 'off' };
  try {
    return (await promisify(execFile)('go', args, { cwd, env })).stdout;
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (!isMissing) throw cause;
    throw new Error(
      'Go is missing, which the emulators are built with: get it from https://go.dev/dl, by `brew install go` or `apt-get install golang-go`, and run this again',
      { cause },
    );
  }
}
