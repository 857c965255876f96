-- The invocations of a realm, the newest first. Its columns never change after the insert, so changes of
-- state still touch no index. Only snapshots search it, so serializable transactions do not conflict.
CREATE INDEX invocations_by_realm ON invocations
  (realm, create_time DESC, invocation_id DESC);
