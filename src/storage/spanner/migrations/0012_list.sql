-- Invocations of a realm, the newest first; by shards, as the newest would all be written at one place.
CREATE INDEX IF NOT EXISTS invocations_by_realm
  ON invocations (shard, realm, create_time DESC, invocation_id DESC);
