/** The collaborators of each service, from the configuration and what the whole server shares. */
import type { TaskInspector, TaskQueue } from '@postlude/queue';
import type { Database, ServerClock } from '@postlude/queue/storage';
import type { Contents } from '../artifacts/contents.ts';
import type { Sink } from '../exporter/sink.ts';
import { GroupedStarts } from '../finalizer/group/grouped-starts.ts';
import type { InvocationId } from '../invocations/id.ts';
import type { InvocationChanges } from '../invocations/invocation-changes.ts';
import { Schemes, USUAL_SCHEMES } from '../results/identity/schemes.ts';
import { RetentionRules } from '../retention/retention-rules.ts';
import { updateTokenSecrets } from '../secrets/secrets.ts';
import { FetchUrls } from '../services/artifacts/fetch-urls.ts';
import { VariantUnions } from '../services/recorder/fields/variant-union.ts';
import { UpdateTokens } from '../services/recorder/update-token.ts';
import { ReachableSets } from '../services/resultdb/reachable-sets.ts';
import { allowAll, realmAuthorizer } from '../services/shared/permissions.ts';
import type { Config } from './config/config.ts';
import type { OpenAdmission } from './open-admission.ts';
import type { PushTasks } from './push-tasks/push-tasks.ts';
import type { ServiceParts } from './services.ts';

export interface SharedParts {
  readonly db: Database;
  readonly clock: ServerClock;
  readonly queue: TaskQueue;
  readonly inspector: TaskInspector;
  readonly sink: Sink;
  readonly contents: Contents;
  readonly changes: InvocationChanges;
  readonly pushTasks: PushTasks;
  readonly admission: OpenAdmission;
}

/** Opens what the services work with. All of them share the secrets and the rights of callers. */
export async function openServiceParts(
  config: Config,
  { admission, db, clock, queue, inspector, sink, contents, changes, pushTasks }: SharedParts,
): Promise<ServiceParts> {
  const { auth, expectedResultsExpirationMs, invocationExpirationMs, retention } = config;
  const given = config.tokenSecrets.map((secret) => Buffer.from(secret));
  const secrets = await updateTokenSecrets(db, given, clock);
  const authorizer = auth.kind === 'none' ? allowAll : realmAuthorizer(auth.grants);
  const reachableSets = new ReachableSets(db);
  const recorder = {
    db,
    clock,
    authorizer,
    updateTokens: new UpdateTokens({ secrets, clock }),
    retention: new RetentionRules(
      { invocationMs: invocationExpirationMs, expectedResultsMs: expectedResultsExpirationMs },
      retention,
    ),
    schemes: new Schemes([...USUAL_SCHEMES, ...(config.schemes ?? [])]),
    variantUnions: new VariantUnions(),
    contents,
    finalizer: pushTasks.finalizer,
    starts: new GroupedStarts({ db, finalizer: pushTasks.finalizer }),
    onChange: (ids: readonly InvocationId[]) => changes.announce(ids),
  };
  return {
    recorder,
    resultDb: {
      db,
      authorizer,
      reachableSets,
      contents,
      fetchUrls: new FetchUrls({ secrets, clock, origin: config.artifactOrigin }),
    },
    invocations: { ...recorder, reachableSets, changes },
    exports: { db, clock, authorizer, queue, inspector, sink },
    tasks: { db, authorizer, queue, inspector },
    pushTasks: { db, clock, authorizer, sweeper: pushTasks.sweeper },
    schemas: recorder,
    limits: { authorizer, readState: () => admission.admission.readState() },
  };
}
