/**
 * npm run emulators [-- --list]
 *
 * Downloads and builds the emulators of cloud services that this machine lacks; it is quick if it lacks none.
 * `--list` only prints which are there, which are missing, and how to get them.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  BIGQUERY_EMULATOR,
  CLOUD_TASKS_EMULATOR,
  emulatorPath,
  GCS_EMULATOR,
  type GoEmulator,
  isThere,
  S3_SERVER,
} from '../test/support/network/emulators.ts';
import { buildGoEmulator } from './build-go-emulator.ts';
import { CommandLine } from './command-line.ts';

const GO_EMULATORS: readonly GoEmulator[] = [
  CLOUD_TASKS_EMULATOR,
  BIGQUERY_EMULATOR,
  S3_SERVER,
  GCS_EMULATOR,
];

const { values } = new CommandLine({
  command: 'npm run emulators',
  options: { list: { type: 'boolean', default: false } },
});
if (values.list) list();
else await buildMissing().catch(giveUp);

async function buildMissing(): Promise<void> {
  for (const emulator of GO_EMULATORS) {
    if (!isThere(emulator)) {
      console.log(
        `building ${emulator.name} ${emulator.version}: up to some minutes, the first time`,
      );
      await buildGoEmulator(emulator);
    }
    console.log(`${emulator.name} ${emulator.version}: ${emulatorPath(emulator)}`);
  }
}

/** Prints no stack, as the user has to solve the problem. */
function giveUp(error: unknown): void {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function list(): void {
  for (const emulator of GO_EMULATORS) {
    const state = isThere(emulator) ? emulatorPath(emulator) : 'missing: npm run emulators';
    console.log(`${emulator.name} ${emulator.version}: ${state}`);
  }
  console.log(`spanner emulator: ${spannerEmulator()}`);
}

/** We do not download this one, as it comes with Google's command. */
function spannerEmulator(): string {
  const { SPANNER_EMULATOR_HOST } = process.env;
  if (SPANNER_EMULATOR_HOST) return `the one at ${SPANNER_EMULATOR_HOST}`;
  const program = spannerProgram();
  if (program && existsSync(program)) return program;
  return 'missing: gcloud components install cloud-spanner-emulator (or start its container, and set SPANNER_EMULATOR_HOST)';
}

function spannerProgram(): string | undefined {
  try {
    const info = ['info', '--format=value(installation.sdk_root)'];
    const root = execFileSync('gcloud', info, { encoding: 'utf8', stdio: 'pipe' }).trim();
    return join(root, 'bin', 'cloud_spanner_emulator', 'emulator_main');
  } catch {
    return undefined; // this machine has no gcloud
  }
}
