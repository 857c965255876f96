/**
 * Looks for the Cloud Tasks emulator. Where it is missing, its tests are skipped, loudly; with
 * CI set, that is a failure.
 */
import type { TestProject } from 'vitest/node';
import { CLOUD_TASKS_EMULATOR, isThere } from './support/network/emulators.ts';

export function setup(project: TestProject): void {
  const hasEmulator = isThere(CLOUD_TASKS_EMULATOR);
  project.provide('hasCloudTasksEmulator', hasEmulator);
  if (hasEmulator) return;
  const message = 'the Cloud Tasks emulator is missing: npm run emulators';
  if (process.env.CI) throw new Error(message);
  console.error(`\n!! ${message}. Its tests are SKIPPED.\n`);
}
