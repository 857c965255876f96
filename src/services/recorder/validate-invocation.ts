/** Checks the content of an invocation when it is created or changed. */
import type { JsonObject } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { EpochMs } from '@postlude/queue/foundations';
import type { CommitPosition } from '../../gen/luci/resultdb/v1/common_pb.js';
import {
  type BigQueryExport,
  type HistoryOptions,
  type Invocation,
  Invocation_State,
} from '../../gen/luci/resultdb/v1/invocation_pb.js';
import type { NewInvocation } from '../../invocations/invocation.ts';
import type { Schemes } from '../../results/identity/schemes.ts';
import { checkTags } from '../shared/check-pairs.ts';
import {
  inEach,
  inField,
  invalid,
  requireAtMost,
  requireMatch,
  requireText,
} from '../shared/field.ts';
import { encodeExport, encodeHistory, encodeProperties } from '../shared/invocation-message.ts';
import { toResultPredicate } from '../shared/predicate.ts';
import { fromTimestamp } from '../shared/timestamp.ts';
import { checkNewDetails } from './fields/new-details.ts';

const HOUR_MS = 3_600_000;
// These are the bounds of the newest ResultDB; older versions had 1 hour and 48 hours.
const DEFAULT_DEADLINE_MS = 48 * HOUR_MS;
const MIN_DEADLINE_MS = 10_000;
const MAX_DEADLINE_MS = 5 * 24 * HOUR_MS;

const REALM_PATTERN = /^([a-z0-9\-_]{1,100}|@internal):([a-z0-9_.\-/]{1,400}|@root|@legacy)$/;
const MAX_RESOURCE_BYTES = 2000;
const MAX_NAME_BYTES = 1024;
const MAX_PROPERTIES_BYTES = 16 * 1024;
/** Each export is a task that reads the whole run again. */
export const MAX_EXPORTS = 100;

export function checkRealm(realm: string): string {
  return requireMatch(realm, REALM_PATTERN);
}

type Checked = Required<
  Pick<
    NewInvocation,
    | 'tags'
    | 'deadline'
    | 'producerResource'
    | 'bigqueryExports'
    | 'historyOptions'
    | 'properties'
    | 'details'
    | 'extended'
  >
>;

/** Checks the fields that no permission depends on, and returns them in the form of the record. */
export function checkNewInvocation(
  invocation: Invocation,
  { now, schemes }: { readonly now: EpochMs; readonly schemes: Schemes },
): Checked {
  checkInitialState(invocation.state);
  return {
    tags: checkTags('tags', invocation.tags),
    deadline: inField('deadline', () => checkDeadline(invocation.deadline, now)),
    producerResource: inField('producer_resource', () =>
      checkProducerResource(invocation.producerResource),
    ),
    bigqueryExports: checkExports(invocation.bigqueryExports, 'bigquery_export'),
    historyOptions: inField('history_options', () => checkHistory(invocation.historyOptions)),
    properties: inField('properties', () => checkProperties(invocation.properties)),
    ...checkNewDetails(invocation, schemes),
  };
}

/** Returns the default if there is no deadline. */
export function checkDeadline(deadline: Timestamp | undefined, now: EpochMs): EpochMs {
  if (deadline === undefined) return now + DEFAULT_DEADLINE_MS;
  const time = fromTimestamp(deadline);
  if (time < now + MIN_DEADLINE_MS) {
    throw invalid(`must be at least ${MIN_DEADLINE_MS / 1000} seconds in the future`);
  }
  if (time > now + MAX_DEADLINE_MS) {
    throw invalid(`must be at most ${MAX_DEADLINE_MS / HOUR_MS} hours in the future`);
  }
  return time;
}

/** Returns the properties in the form of the record. */
export function checkProperties(properties: JsonObject | undefined): Uint8Array | undefined {
  const encoded = encodeProperties(properties);
  if (encoded !== undefined && encoded.length > MAX_PROPERTIES_BYTES) {
    throw invalid(`have ${encoded.length} bytes; at most ${MAX_PROPERTIES_BYTES} are allowed`);
  }
  return encoded;
}

function checkInitialState(state: Invocation_State): void {
  const { STATE_UNSPECIFIED, ACTIVE, FINALIZING } = Invocation_State;
  if ([STATE_UNSPECIFIED, ACTIVE, FINALIZING].includes(state)) return;
  const name = Invocation_State[state] ?? state;
  throw invalid(`state: must be ACTIVE or FINALIZING, not ${name}`);
}

function checkProducerResource(resource: string): string | undefined {
  return resource === '' ? undefined : requireText(resource, MAX_RESOURCE_BYTES);
}

/** Throws `invalid-argument` if these are more exports than one invocation may have. */
export function checkExportCount(exports: readonly unknown[]): void {
  inField('bigquery_exports', () => requireAtMost(exports, MAX_EXPORTS, 'exports'));
}

/** Returns them in the form of the record. ResultDB calls the field by either name, and tools look for it. */
export function checkExports(
  exports: readonly BigQueryExport[],
  field: 'bigquery_export' | 'bigquery_exports',
): Uint8Array[] {
  checkExportCount(exports);
  return inEach(field, exports, checkExport);
}

/** BigQuery itself checks its rules for names. */
export function checkExport(bqExport: BigQueryExport): Uint8Array {
  for (const field of ['project', 'dataset', 'table'] as const) {
    inField(field, () => requireName(bqExport[field]));
  }
  const { testResults, textArtifacts } = bqExport;
  if (textArtifacts) throw invalid('text_artifacts: not supported; test_results can be exported');
  if (testResults === undefined) throw invalid('result_type: must be set: test_results');
  const { predicate } = testResults;
  if (predicate !== undefined) {
    inField('test_results', () => inField('predicate', () => toResultPredicate(predicate)));
  }
  return encodeExport(bqExport);
}

function checkHistory(options: HistoryOptions | undefined): Uint8Array | undefined {
  if (options?.commit !== undefined) checkCommit(options, options.commit);
  return encodeHistory(options);
}

function checkCommit({ useInvocationTimestamp }: HistoryOptions, commit: CommitPosition): void {
  if (useInvocationTimestamp) throw invalid('commit: goes without use_invocation_timestamp only');
  inField('commit', () => {
    for (const field of ['host', 'project', 'ref'] as const) {
      inField(field, () => requireName(commit[field]));
    }
    if (commit.position <= 0n) throw invalid('position: must be above 0');
  });
}

function requireName(name: string): void {
  if (name === '') throw invalid('must not be empty');
  requireText(name, MAX_NAME_BYTES);
}
