/** The collaborators of the RPCs of Recorder. */
import type { Clock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { Contents } from '../../artifacts/contents.ts';
import type { GroupedStarts } from '../../finalizer/group/grouped-starts.ts';
import type { SchedulingParts } from '../../finalizer/schedule.ts';
import type { InvocationId } from '../../invocations/id.ts';
import type { Schemes } from '../../results/identity/schemes.ts';
import type { RetentionRules } from '../../retention/retention-rules.ts';
import type { Authorizer } from '../shared/permissions.ts';
import type { VariantUnions } from './fields/variant-union.ts';
import type { UpdateTokens } from './update-token.ts';

export interface RecorderParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly updateTokens: UpdateTokens;
  readonly authorizer: Authorizer;
  readonly retention: RetentionRules;
  readonly schemes: Schemes;
  readonly variantUnions: VariantUnions;
  readonly contents: Contents;
  readonly finalizer: SchedulingParts;
  readonly starts: GroupedStarts;
  /** Called after the commit with the ids of changed invocations. A hint for watchers. */
  readonly onChange?: (ids: readonly InvocationId[]) => void | Promise<void>;
}
