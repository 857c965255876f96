/** Finds out which CI system runs us, and turns its facts into tags, which docs/ci.md lists. */
import type { StringPair } from '../../invocations/string-pair.ts';
import { readBuildkite } from './buildkite.ts';
import { readCircleCi } from './circleci.ts';
import type { CiContext, Environment, ReadContext } from './context.ts';
import { readGitHub } from './github.ts';
import { readGitLab } from './gitlab.ts';
import { readJenkins } from './jenkins.ts';

/** Jenkins is last: its agents may set its variables in the jobs of other systems. */
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

/** The tag key for each fact. */
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

/** The longest tag value that the server accepts. */
const MAX_VALUE_BYTES = 256;

/** Leaves out tags that the user has `given`, and values that are too long. */
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
