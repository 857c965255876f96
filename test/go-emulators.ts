/**
 * Looks for the emulators that `npm run emulators` builds. The tests of a missing one are skipped with
 * a message; if CI is set, that is a failure.
 */
import type { TestProject } from 'vitest/node';
import {
  BIGQUERY_EMULATOR,
  CLOUD_TASKS_EMULATOR,
  GCS_EMULATOR,
  type GoEmulator,
  isThere,
  S3_SERVER,
} from './support/network/emulators.ts';

export function setup(project: TestProject): void {
  project.provide('hasCloudTasksEmulator', isFound(CLOUD_TASKS_EMULATOR));
  project.provide('hasBigQueryEmulator', isFound(BIGQUERY_EMULATOR));
  project.provide('hasS3Server', isFound(S3_SERVER));
  project.provide('hasGcsEmulator', isFound(GCS_EMULATOR));
}

function isFound(emulator: GoEmulator): boolean {
  if (isThere(emulator)) return true;
  const message = `${emulator.name} is missing: npm run emulators`;
  if (process.env.CI) throw new Error(message);
  console.error(`\n!! ${message}. Its tests are SKIPPED.\n`);
  return false;
}
