/** Finds out which CI system runs us, and says what it tells as tags: docs/ci.md lists them. */
import type { StringPair } from '../../invocations/string-pair.ts';
import { readBuildkite } from './buildkite.ts';
import { readCircleCi } from './circleci.ts';
import type { CiContext, Environment, ReadContext } from './context.ts';
import { readGitHub } from './github.ts';
import { readGitLab } from './gitlab.ts';
import { readJenkins } from './jenkins.ts';

/** Jenkins is last: its agents may have its variables within jobs of others. */
const SYSTEMS: readonly ReadContext[] = [
  readGitHub,
  readGitLab,
  readBuildkite,
  readCircleCi,
  readJenkins,
];

export function readContext(env: Environment): CiContext | undefined {
  for (const read of SYSTEMS) {
    const context = read(env);
    if (context !== undefined) return context;
  }
  return undefined;
}

/** The key of each tag. */
export const CONTEXT_TAGS = {
  system: 'ci/system',
  repository: 'ci/repository',
  branch: 'ci/branch',
  gitTag: 'ci/git_tag',
  commit: 'ci/commit',
  base: 'ci/base',
  pullRequest: 'ci/pull_request',
  pipelineUrl: 'ci/pipeline_url',
  job: 'ci/job',
  jobUrl: 'ci/job_url',
  attempt: 'ci/attempt',
} as const satisfies Readonly<Record<keyof CiContext, string>>;

/** What the server takes as the value of a tag. */
const MAX_VALUE_BYTES = 256;

/** Without those that are `given`: who sets a tag knows better. A value that is too long is left out. */
export function contextTags(env: Environment, given: readonly StringPair[]): StringPair[] {
  const context = readContext(env);
  if (context === undefined) return [];
  const taken = new Set(given.map(({ key }) => key));
  return Object.entries(CONTEXT_TAGS).flatMap(([field, key]) => {
    const value = String(context[field as keyof CiContext] ?? '');
    const isTag = value !== '' && Buffer.byteLength(value) <= MAX_VALUE_BYTES;
    return isTag && !taken.has(key) ? [{ key, value }] : [];
  });
}
