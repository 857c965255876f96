/**
 * Programs that finalize or export in their own process use `@postlude/postlude/finalizer` and `/exporter`
 * on a database of `@postlude/queue`, opened with these migrations. Clients of a server use the protos in
 * proto/ with any Connect or gRPC library.
 */
export { POSTLUDE_MIGRATIONS } from './migrations/migrations.ts';
