-- How invocations end without their owner, and the attempts of one shard. The columns are explained in
-- src/migrations/postgres/0006_endings.sql.
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS ends_at TIMESTAMP;
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS lost_after_ms INT64;
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS heartbeat_time TIMESTAMP;
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS recorder STRING(MAX);
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS is_expected BOOL;
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS ended_by INT64;
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS end_reason STRING(MAX);
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS attempt INT64;
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS last_attempt INT64;
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS properties BYTES(MAX);
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS active_deadline TIMESTAMP
  AS (IF(state = 1, LEAST(COALESCE(ends_at, deadline), deadline), NULL)) STORED;
-- 0 to 15, as in packages/queue/src/storage/spanner/dialect.ts: deadlines grow, and would all be written at one place.
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS shard INT64
  AS (FARM_FINGERPRINT(invocation_id) & 15) STORED;

CREATE NULL_FILTERED INDEX IF NOT EXISTS invocations_by_active_deadline
  ON invocations (shard, active_deadline, invocation_id);

ALTER TABLE included_invocations ADD COLUMN IF NOT EXISTS supersedes BOOL;
