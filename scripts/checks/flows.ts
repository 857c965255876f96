/**
 * The files that five flows pass through, in order, to see whether a change makes one longer. A file is
 * named by its name and, if others are called the same, a folder above it. `earlier` is what the flow was
 * before the folders were grouped; without it, the flow is the same.
 */
import type { SourceFile } from './check.ts';

interface Flow {
  readonly name: string;
  readonly files: string;
  readonly earlier?: string;
}

const COMMIT =
  'postgres/database transact connections watched-session postgres/transaction buffered-transaction storage/writes statements postgres/commit';
const RPC = 'one-port routes rpc-routes auth rpc-service recorder/service';
const QUERY =
  'query-test-results query-scope readable services|rpc/permissions reachable-sets invocations/reachable select-variants results/test-results results/page storage/dialect storage/sql';

const FLOWS: readonly Flow[] = [
  {
    name: 'FinalizeInvocation, until its commit',
    files: `${RPC} finalize-invocation field invocations/id update-token grouped-starts foundations/concurrency ${COMMIT} invocations/invocations inclusions finalizer/schedule finalization-state tasks/queue wake-up announcements`,
    earlier: `${RPC} finalize-invocation field invocations/id update-token ${COMMIT} invocations/invocations inclusions finalizer/schedule standings tasks/queue wake-up announcements`,
  },
  {
    name: 'its task, until FINALIZED',
    files:
      'wake-signal dispatcher tasks/queue tasks/claim attempt call dispatch/batch lifecycle-log traced-handler finalizer/handler group/groups group/group group/decisions group/ledger group/try group/cascade blocker finalizer/finalize finalization-state finalizer/schedule locking-settlement',
    earlier:
      'bell dispatcher tasks/queue tasks/claim attempt traced-handler finalizer/handler finalizer/finalizer blocker finalizer/finalize standings finalizer/schedule settler tasks/settlement statement-settling',
  },
  {
    name: 'enqueue, lease, handle, complete',
    files:
      'tasks/queue tasks/task tasks/payload tasks/table fences wake-up announcements wake-signal dispatcher tasks/claim due attempt lifecycle-log tasks/handler settler locking-settlement',
    earlier:
      'tasks/queue tasks/task tasks/payload tasks/table fences wake-up announcements bell dispatcher tasks/claim due attempt tasks/handler settler tasks/settlement statement-settling',
  },
  {
    name: 'of these, a completion',
    files: 'attempt settler tasks/queue locking-settlement',
    earlier: 'attempt settler tasks/queue tasks/settlement statement-settling',
  },
  {
    name: 'a JUnit file, until it is sent',
    files:
      'cli/main program command-loaders upload cli/connection cli/tokens upload-reports find-reports earlier-files report-set report-file text-file formats junit-xml marks dialects xml-reader case-executions ingest/test-id execution-index ingest/test-results summary-html',
  },
  {
    name: 'its results, until their commit',
    files: `${RPC} batch-create-test-results recorder/batch new-test-results validate-test-result mutate-invocation invocations/invocations results/test-results ${COMMIT}`,
  },
  {
    name: 'addTask, reminder, Cloud Tasks, push',
    files:
      'tq/tq task-classes tq/request destination envelope tq/reminder stored-request tq/table submissions tq/submit cloud-tasks google-client tq/reminders server/routes adapters/node tq/push push-auth bounded-body push-request tq/receive tasks/payload receipt',
    earlier:
      'tq/tq task-classes tq/request destination envelope tq/reminder stored-request tq/table submissions tq/submit cloud-tasks google-client tq/reminders server/routes adapters/node tq/push push-auth bounded-body push-request tq/receive tq/body receipt',
  },
  {
    name: 'QueryTestResults on PostgreSQL',
    files: `${QUERY} postgres/database transact connections postgres/reader postgres/session postgres/types`,
  },
  {
    name: 'QueryTestResults on Spanner',
    files: `${QUERY} spanner/database sessions spanner/reader spanner/types resume spanner/client spanner/library result-rows`,
  },
];

/** Returns the number of files of each flow. Throws if a file is missing. */
export function measureFlows(files: readonly SourceFile[]): Record<string, string> {
  const paths = files.filter(({ room }) => room !== undefined).map(({ path }) => path);
  const isThere = (name: string): boolean => paths.some((path) => patternOf(name).test(path));
  return Object.fromEntries(
    FLOWS.map(({ name, files: now, earlier = now }) => {
      const steps = [now, earlier].map((flow) => flow.split(' '));
      const found = steps.find((flow) => flow.every(isThere));
      if (found) return [`files of a flow: ${name}`, `${found.length}`];
      const missing = steps.map((flow) => flow.filter((step) => !isThere(step)).join(', '));
      throw new Error(`scripts/checks/flows.ts: ${name}: no file ${missing.join(', or ')}`);
    }),
  );
}

function patternOf(name: string): RegExp {
  const [file = '', folder] = name.split('/').reverse();
  return new RegExp(`/${folder === undefined ? '' : `(${folder})/(.*/)?`}${file}\\.ts$`);
}
