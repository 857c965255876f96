-- Invocations of a realm, the newest first. Neither column changes after the insert, so changes of
-- state still touch no index; and only snapshots search it, so no serializable transactions conflict.
CREATE INDEX invocations_by_realm ON invocations
  (realm, create_time DESC, invocation_id DESC);
