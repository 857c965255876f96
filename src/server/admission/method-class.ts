/** The classes of methods. Each has a capacity of its own, so that one kind of work cannot displace another. */

import { ResultDB } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { Invocations } from '../../gen/postlude/v1/invocations_pb.js';

export const METHOD_CLASSES = ['read', 'heavy-read', 'write', 'watch'] as const;

export type MethodClass = (typeof METHOD_CLASSES)[number];

/** One number for each class. */
export type ByClass<T> = Readonly<Record<MethodClass, T>>;

/** These walk whole graphs, or compare all results of a run. */
const HEAVY_READS = new Set(
  [
    ResultDB.method.queryTestResults,
    ResultDB.method.queryTestExonerations,
    ResultDB.method.queryTestResultStatistics,
    ResultDB.method.queryRootInvocationNames,
    ResultDB.method.queryArtifacts,
    Invocations.method.countTestResults,
  ].map(({ name, parent }) => `${parent.typeName}/${name}`),
);

const READ = /\/(?:(?:Explain|Get|List|Query|Count)\w*|Describe)$/;
const WATCH = /\/Watch\w+$/;

/** `method` is written `luci.resultdb.v1.Recorder/CreateInvocation`. */
export function methodClassOf(method: string): MethodClass {
  if (HEAVY_READS.has(method)) return 'heavy-read';
  if (READ.test(method)) return 'read';
  return WATCH.test(method) ? 'watch' : 'write';
}

export function byClass<T>(of: (methodClass: MethodClass) => T): ByClass<T> {
  return Object.fromEntries(METHOD_CLASSES.map((each) => [each, of(each)])) as ByClass<T>;
}
