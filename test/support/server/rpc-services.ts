/** Opens the services on a database without a server, with a clock of the test's own. */

import { create } from '@bufbuild/protobuf';
import { TaskInspector, TaskQueue } from '@postlude/queue';
import type { Database } from '@postlude/queue/storage';
import { FakeClock } from '@postlude/queue/testing';
import { QueueSubmitter, Sweeper } from '@postlude/queue/tq';
import type { ExportTable } from '../../../src/exporter/sink.ts';
import { TRY_FINALIZE_INVOCATION } from '../../../src/finalizer/finalization-tasks.ts';
import { tryFinalize } from '../../../src/finalizer/finalizer.ts';
import { GroupedStarts } from '../../../src/finalizer/group/grouped-starts.ts';
import type { FinalizerParts } from '../../../src/finalizer/parts.ts';
import {
  type Invocation,
  InvocationSchema,
} from '../../../src/gen/luci/resultdb/v1/invocation_pb.js';
import {
  type CreateInvocationRequest,
  CreateInvocationRequestSchema,
} from '../../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { fromRowId, type InvocationId } from '../../../src/invocations/id.ts';
import { InvocationChanges } from '../../../src/invocations/invocation-changes.ts';
import { Schemes } from '../../../src/results/identity/schemes.ts';
import { RetentionRules } from '../../../src/retention/retention-rules.ts';
import { FetchUrls } from '../../../src/services/artifacts/fetch-urls.ts';
import { createInvocations } from '../../../src/services/invocations/service.ts';
import { createPushTasks } from '../../../src/services/push-tasks/service.ts';
import { VariantUnions } from '../../../src/services/recorder/fields/variant-union.ts';
import { createRecorder } from '../../../src/services/recorder/service.ts';
import { UpdateTokens } from '../../../src/services/recorder/update-token.ts';
import { ReachableSets } from '../../../src/services/resultdb/reachable-sets.ts';
import { createResultDb } from '../../../src/services/resultdb/service.ts';
import type { CallContext } from '../../../src/services/shared/call-context.ts';
import { type Authorizer, allowAll } from '../../../src/services/shared/permissions.ts';
import { createTasks } from '../../../src/services/tasks/service.ts';
import { MemoryContents } from '../artifacts/memory-contents.ts';

export type Services = Awaited<ReturnType<typeof openServices>>;

export interface ServicesOptions {
  readonly authorizer?: Authorizer;
  /** `false` simulates a process whose announcements of changes are lost. */
  readonly announces?: boolean;
  readonly contents?: MemoryContents;
  readonly invocationRows?: ExportTable;
}

export async function openServices(
  db: Database,
  { announces = true, authorizer = allowAll, invocationRows, ...others }: ServicesOptions = {},
) {
  const { contents = new MemoryContents() } = others;
  const clock = new FakeClock();
  const changes = await InvocationChanges.open(db.notifications);
  const signing = { secrets: [Buffer.from('secret')], clock } as const;
  const updateTokens = new UpdateTokens(signing);
  const queue = new TaskQueue({ db, clock });
  const inspector = new TaskInspector({ db, clock });
  const reachableSets = new ReachableSets(db);
  const onChange = (ids: readonly InvocationId[]) =>
    announces ? changes.announce(ids) : undefined;
  const finalizer = { db, clock, queue, invocationRows, onChange };
  const recorderParts = {
    db,
    clock,
    authorizer,
    updateTokens,
    finalizer,
    starts: new GroupedStarts({ db, finalizer }),
    onChange,
    retention: new RetentionRules(),
    schemes: new Schemes(),
    variantUnions: new VariantUnions(),
    contents,
  };
  const recorder = createRecorder(recorderParts);
  const parts = { db, clock, authorizer, changes, queue, inspector, reachableSets, onChange };
  return {
    ...parts,
    recorder,
    resultDb: createResultDb({ ...parts, contents, fetchUrls: new FetchUrls(signing) }),
    invocations: createInvocations({ ...recorderParts, reachableSets, changes }),
    tasks: createTasks(parts),
    pushTasks: createPushTasks({
      ...parts,
      sweeper: new Sweeper({ db, clock, submitter: new QueueSubmitter(queue) }),
    }),
    /** Runs the tasks of finalization until none is due. */
    finalizeAll: () => finalizeAll(finalizer),
    /** Creates the context of a call that may change the invocation. */
    owner: (id: string, caller = OWNER) => contextOf(caller, updateTokens.issue(id)),
    /** Creates an invocation, which is ACTIVE by default. */
    create: (id: string, init: InvocationInit = {}) =>
      recorder.createInvocation(newInvocation(id, init), contextOf(OWNER)),
  };
}

function newInvocation(invocationId: string, init: InvocationInit): CreateInvocationRequest {
  const invocation = create(InvocationSchema, { realm: 'p:r', ...init });
  return create(CreateInvocationRequestSchema, { invocationId, invocation });
}

async function finalizeAll(
  parts: FinalizerParts & { readonly queue: Pick<TaskQueue, 'leaseDue' | 'completeAll'> },
): Promise<void> {
  for (;;) {
    const leases = await parts.queue.leaseDue(TRY_FINALIZE_INVOCATION.name, 100, 60_000);
    if (leases.length === 0) return;
    for (const { subject = '' } of leases) await tryFinalize(parts, fromRowId(subject));
    await parts.queue.completeAll(leases);
  }
}

type InvocationInit = Partial<Omit<Invocation, '$typeName' | '$unknown'>>;

export const OWNER = 'user:owner@example.com';

/** A context that keeps the headers that a method sets. */
export interface TestContext extends CallContext {
  readonly headers: Map<string, string>;
}

export function contextOf(caller: string, ...updateTokens: readonly string[]): TestContext {
  const headers = new Map<string, string>();
  return {
    caller,
    updateTokens,
    origin: 'http://localhost:8010',
    signal: new AbortController().signal,
    setHeader: (name, value) => headers.set(name, value),
    headers,
  };
}
