/** @postlude/queue/spanner: Cloud Spanner with its client library `@google-cloud/spanner`. */
export type {
  Database,
  Notifications,
  Reader,
  Transaction,
  WriteOptions,
} from '../storage/database.ts';
export { ServerClock } from '../storage/server-clock.ts';
export { type DatabaseName, parseDatabaseName } from '../storage/spanner/database-name.ts';
export { openSpanner, type SpannerOptions } from '../storage/spanner/open.ts';
export { findMissingPermissions, type MissingPermissions } from '../storage/spanner/permissions.ts';
