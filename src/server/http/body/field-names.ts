/** The names that the fields of requests have in JSON, in all services. */
import type { DescMessage } from '@bufbuild/protobuf';
import { Recorder } from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import { ResultDB } from '../../../gen/luci/resultdb/v1/resultdb_pb.js';
import { Exports } from '../../../gen/postlude/v1/exports_pb.js';
import { Invocations } from '../../../gen/postlude/v1/invocations_pb.js';
import { PushTasks } from '../../../gen/postlude/v1/push_tasks_pb.js';
import { Tasks } from '../../../gen/postlude/v1/tasks_pb.js';

const SERVICES = [Recorder, ResultDB, Exports, Invocations, PushTasks, Tasks];

export const FIELD_NAMES: ReadonlySet<string> = namesIn(
  SERVICES.flatMap(({ methods }) => methods.map(({ input }) => input)),
);

function namesIn(inputs: readonly DescMessage[]): ReadonlySet<string> {
  const names = new Set<string>();
  const seen = new Set(inputs);
  // The loop also reaches what it adds.
  for (const { fields } of seen) {
    for (const { name, jsonName, message } of fields) {
      names.add(name).add(jsonName);
      if (message) seen.add(message);
    }
  }
  return names;
}
