/** The collaborators of the RPCs of Invocations. Those that write need the same as Recorder's. */
import type { Clock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { InvocationChanges } from '../../invocations/invocation-changes.ts';
import type { RecorderParts } from '../recorder/parts.ts';
import type { ReachableSets } from '../resultdb/reachable-sets.ts';
import type { Authorizer } from '../shared/permissions.ts';

export interface ReadingParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly reachableSets: ReachableSets;
  readonly changes: InvocationChanges;
}

export type InvocationsParts = RecorderParts & ReadingParts;
