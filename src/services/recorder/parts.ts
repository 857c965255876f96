/** The collaborators of the recorder's methods. */
import type { SchedulingParts } from '../../finalizer/schedule.ts';
import type { Database } from '../../storage/database.ts';
import type { Authorizer } from '../shared/permissions.ts';
import type { UpdateTokens } from './update-token.ts';

export interface RecorderParts extends SchedulingParts {
  readonly db: Database;
  readonly updateTokens: UpdateTokens;
  readonly authorizer: Authorizer;
  readonly retention: Retention;
}

/** How long after its creation an invocation is kept, and the expected results in it. */
export interface Retention {
  readonly invocationMs: number;
  readonly expectedResultsMs: number;
}

const DAY_MS = 86_400_000;

export const DEFAULT_RETENTION: Retention = {
  invocationMs: 2 * 365 * DAY_MS,
  expectedResultsMs: 60 * DAY_MS,
};
