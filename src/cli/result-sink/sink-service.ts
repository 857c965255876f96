/** luci.resultsink.v1.Sink: takes what result adapters report. */
import { create, type JsonObject } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { type Clock, CodedError } from '@postlude/queue/foundations';
import {
  InvocationSchema,
  ReportTestExonerationsResponseSchema,
  ReportTestResultsResponseSchema,
  type Sink,
} from '../../gen/luci/resultsink/v1/sink_pb.js';
import type { Artifact } from '../../gen/luci/resultsink/v1/test_result_pb.js';
import { inEach, inField, invalid } from '../../services/shared/field.ts';
import type { ServiceMethods } from '../../services/shared/service-methods.ts';
import { checkArtifacts, prepareExoneration, prepareResult } from './prepared.ts';
import type { ReportedResults } from './reported-results.ts';
import type { SinkRules } from './sink-options.ts';

export type ExtendedProperties = Readonly<Record<string, JsonObject>>;

export interface SinkParts {
  readonly clock: Clock;
  readonly rules: SinkRules;
  readonly reported: ReportedResults;
  /** Changes the invocation on the server, and returns all of its extended properties. */
  readonly update: (
    properties: ExtendedProperties,
    paths: readonly string[],
  ) => Promise<ExtendedProperties>;
}

export function createSink({
  clock,
  reported,
  rules,
  update,
}: SinkParts): ServiceMethods<typeof Sink> {
  const ofInvocation = new Set<string>();
  return {
    reportTestResults: async ({ testResults }) => {
      const nextResultId = (): string => reported.nextResultId();
      const preparing = { rules, now: clock.now(), nextResultId };
      const prepared = inEach('test_results', testResults, (each) =>
        prepareResult(each, preparing),
      );
      await reported.addResults(prepared);
      const artifacts = testResults.map((each) => Object.keys(each.artifacts).length);
      reported.countArtifacts(artifacts.reduce((sum, count) => sum + count, 0));
      return create(ReportTestResultsResponseSchema);
    },
    reportTestExonerations: async ({ testExonerations }) => {
      const prepared = inEach('test_exonerations', testExonerations, (each) =>
        prepareExoneration(each, rules),
      );
      await reported.addExonerations(prepared);
      return create(ReportTestExonerationsResponseSchema);
    },
    reportInvocationLevelArtifacts: async ({ artifacts }) => {
      inField('artifacts', () => checkArtifacts(artifacts));
      addNew(ofInvocation, artifacts);
      reported.countArtifacts(Object.keys(artifacts).length);
      return create(EmptySchema);
    },
    updateInvocation: async ({ invocation, updateMask }) => {
      const paths = updateMask?.paths ?? [];
      inField('update_mask', () => checkPaths(paths));
      const extendedProperties = await update(invocation?.extendedProperties ?? {}, paths);
      return create(InvocationSchema, { extendedProperties });
    },
  };
}

/** Adds the ids of all artifacts, or none. */
function addNew(known: Set<string>, artifacts: Readonly<Record<string, Artifact>>): void {
  const ids = Object.keys(artifacts);
  const again = ids.find((id) => known.has(id));
  if (again !== undefined) {
    const problem = `artifact ${JSON.stringify(again)} has already been uploaded`;
    throw new CodedError('already-exists', problem);
  }
  for (const id of ids) known.add(id);
}

/** The server checks the keys. */
function checkPaths(paths: readonly string[]): void {
  if (paths.length === 0) throw invalid('paths is empty');
  for (const path of paths) {
    if (path === '*' || /^extended_properties(?:\.|$)/.test(path)) continue;
    const name = path.split('.', 1)[0];
    throw invalid(`field ${JSON.stringify(name)} does not exist in message Invocation`);
  }
}
