/** The sources that were tested, as a record of a row. */
import type { Sources } from '../../gen/luci/resultdb/v1/source_pb.js';

export interface SourcesRecord {
  readonly gitiles_commit: CommitRecord | undefined;
  readonly changelists: readonly ChangeRecord[];
  readonly is_dirty: boolean;
  readonly submitted_android_build: BuildRecord | undefined;
}

interface CommitRecord {
  readonly host: string;
  readonly project: string;
  readonly ref: string;
  readonly commit_hash: string;
  readonly position: number;
}

interface ChangeRecord {
  readonly host: string;
  readonly project: string;
  readonly change: number;
  readonly patchset: number;
}

interface BuildRecord {
  readonly data_realm: string;
  readonly branch: string;
  readonly build_id: number;
}

export function toSourcesRecord({ baseSources, changelists, isDirty }: Sources): SourcesRecord {
  return {
    gitiles_commit: toCommit(baseSources),
    changelists: changelists.map(({ change, host, patchset, project }) => ({
      host,
      project,
      change: Number(change),
      patchset: Number(patchset),
    })),
    is_dirty: isDirty,
    submitted_android_build: toBuild(baseSources),
  };
}

function toCommit(base: Sources['baseSources']): CommitRecord | undefined {
  if (base.case !== 'gitilesCommit') return undefined;
  const { commitHash, host, position, project, ref } = base.value;
  return { host, project, ref, commit_hash: commitHash, position: Number(position) };
}

function toBuild(base: Sources['baseSources']): BuildRecord | undefined {
  if (base.case !== 'submittedAndroidBuild') return undefined;
  const { branch, buildId, dataRealm } = base.value;
  return { data_realm: dataRealm, branch, build_id: Number(buildId) };
}
