-- The invocations of a realm, the newest first. It has shards, as otherwise all new entries would be written
-- at one place.
CREATE INDEX IF NOT EXISTS invocations_by_realm
  ON invocations (shard, realm, create_time DESC, invocation_id DESC);
