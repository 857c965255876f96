/** The collaborators of the RPCs of Recorder. */
import type { Clock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { SchedulingParts } from '../../finalizer/schedule.ts';
import type { InvocationId } from '../../invocations/id.ts';
import type { Authorizer } from '../shared/permissions.ts';
import type { UpdateTokens } from './update-token.ts';

export interface RecorderParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly updateTokens: UpdateTokens;
  readonly authorizer: Authorizer;
  readonly retention: Retention;
  readonly finalizer: SchedulingParts;
  /** Called after the commit with the ids of changed invocations. A hint for watchers. */
  readonly onChange?: (ids: readonly InvocationId[]) => void | Promise<void>;
}

/** How long after its creation an invocation is kept, and how long the expected results in it are. */
export interface Retention {
  readonly invocationMs: number;
  readonly expectedResultsMs: number;
}

const DAY_MS = 86_400_000;

export const DEFAULT_RETENTION: Retention = {
  invocationMs: 2 * 365 * DAY_MS,
  expectedResultsMs: 60 * DAY_MS,
};
