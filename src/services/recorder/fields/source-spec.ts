/** Checks what an invocation says of the sources that were tested. The texts of the errors are ResultDB's. */
import type {
  GerritChange,
  GitilesCommit,
  SourceSpec,
  Sources,
  SubmittedAndroidBuild,
} from '../../../gen/luci/resultdb/v1/source_pb.js';
import { inEach, inField, invalid } from '../../shared/field.ts';

const MAX_CHANGES = 10;
const MAX_TEXT = 255;
const HOST_PATTERN = /^[a-z0-9][a-z0-9-]+(\.[a-z0-9-]+)*$/;
const COMMIT_PATTERN = /^[a-f0-9]{40}$/;

/** Returns it with its changes sorted. Throws `invalid-argument`. */
export function checkSourceSpec(spec: SourceSpec | undefined): SourceSpec | undefined {
  const { inherit = false, sources } = spec ?? {};
  if (spec === undefined || sources === undefined) return spec;
  if (inherit) throw invalid('only one of inherit and sources may be set');
  inField('sources', () => checkSources(sources));
  return { ...spec, sources: { ...sources, changelists: sources.changelists.toSorted(byPlace) } };
}

function checkSources({ baseSources, changelists }: Sources): void {
  if (baseSources.case === undefined) throw invalid('gitiles_commit: unspecified');
  if (baseSources.case === 'gitilesCommit') {
    inField('gitiles_commit', () => checkCommit(baseSources.value));
  } else {
    inField('submitted_android_build', () => checkBuild(baseSources.value));
  }
  if (changelists.length > MAX_CHANGES) {
    throw invalid(`changelists: exceeds maximum of ${MAX_CHANGES} changelists`);
  }
  const seen = new Map<string, number>();
  inEach('changelists', changelists, (change, index) => {
    checkChange(change);
    const key = `${change.host} ${change.change}`;
    const first = seen.get(key);
    if (first !== undefined) {
      throw invalid(
        `duplicate change modulo patchset number; same change at changelists[${first}]`,
      );
    }
    seen.set(key, index);
  });
}

function checkCommit({ commitHash, host, position, project, ref }: GitilesCommit): void {
  requireHost(host);
  requireText('project', project);
  requireText('ref', ref);
  if (!ref.startsWith('refs/')) throw invalid('ref: does not match refs/.*');
  if (commitHash === '') throw invalid('commit_hash: unspecified');
  if (!COMMIT_PATTERN.test(commitHash)) {
    throw invalid(`commit_hash: does not match ${JSON.stringify(COMMIT_PATTERN.source)}`);
  }
  requireNumber('position', position);
}

function checkChange({ change, host, patchset, project }: GerritChange): void {
  requireHost(host);
  requireText('project', project);
  requireNumber('change', change);
  requireNumber('patchset', patchset);
}

function checkBuild({ branch, buildId, dataRealm }: SubmittedAndroidBuild): void {
  requireText('data_realm', dataRealm);
  requireText('branch', branch);
  requireNumber('build_id', buildId);
}

function requireHost(host: string): void {
  requireText('host', host);
  if (!HOST_PATTERN.test(host)) {
    throw invalid(`host: does not match ${JSON.stringify(HOST_PATTERN.source)}`);
  }
}

function requireText(field: string, text: string): void {
  if (text === '') throw invalid(`${field}: unspecified`);
  if (text.length > MAX_TEXT) throw invalid(`${field}: exceeds ${MAX_TEXT} characters`);
}

function requireNumber(field: string, value: bigint): void {
  if (value === 0n) throw invalid(`${field}: unspecified`);
  if (value < 0n) throw invalid(`${field}: cannot be negative`);
}

function byPlace(a: GerritChange, b: GerritChange): number {
  return (
    compare(a.host, b.host) ||
    compare(a.project, b.project) ||
    compare(a.change, b.change) ||
    compare(a.patchset, b.patchset)
  );
}

function compare<T extends string | bigint>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
