/** Loads configurations for tests from flags, an environment and files. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasCode } from '@postlude/queue/foundations';
import { onTestFinished } from 'vitest';
import { type Config, loadConfig } from '../../../src/server/config/config.ts';

export interface GivenConfig {
  readonly flags?: Readonly<Record<string, string | undefined>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Texts by their names. `postlude.yaml` is the configuration file unless a flag names another. */
  readonly files?: Readonly<Record<string, string>>;
  /** The mode of these files: private unless given. */
  readonly mode?: number;
}

/** Writes the files into a new folder, and loads the configuration in it. */
export async function loadTestConfig(
  given: GivenConfig,
): Promise<{ readonly config: Config; readonly cwd: string }> {
  const cwd = await mkdtemp(join(tmpdir(), 'postlude-config-'));
  onTestFinished(() => rm(cwd, { recursive: true }));
  for (const [name, text] of Object.entries(given.files ?? {})) {
    await writeFile(join(cwd, name), text);
    await chmod(join(cwd, name), given.mode ?? 0o600); // whatever the umask
  }
  const isFile = given.files?.['postlude.yaml'] !== undefined;
  const flags = { ...(isFile ? { config: 'postlude.yaml' } : {}), ...given.flags };
  return { config: await loadConfig({ flags, env: given.env ?? {}, cwd }), cwd };
}

/** Returns the lines in which the problems of a configuration are reported, or none. */
export async function configProblems(given: GivenConfig): Promise<readonly string[]> {
  try {
    await loadTestConfig(given);
  } catch (error) {
    if (!hasCode(error, 'invalid-argument')) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}
