/** The collaborators of the RPCs of ResultDB. */
import type { Database } from '@postlude/queue/storage';
import type { Contents } from '../../artifacts/contents.ts';
import type { FetchUrls } from '../artifacts/fetch-urls.ts';
import type { Authorizer } from '../shared/permissions.ts';
import type { ReachableSets } from './reachable-sets.ts';

export interface ResultDbParts {
  readonly db: Database;
  readonly authorizer: Authorizer;
  readonly reachableSets: ReachableSets;
  readonly fetchUrls: FetchUrls;
  readonly contents: Pick<Contents, 'read'>;
}
