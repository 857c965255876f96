-- The durable queue. Types are few, and due times grow: an index that began with either would take
-- all writes at one place. So the index of due times leads with a shard, which follows from the id.
CREATE TABLE IF NOT EXISTS tasks (
  type STRING(MAX) NOT NULL,
  id STRING(MAX) NOT NULL,
  invocation_id STRING(MAX),
  payload BYTES(MAX),
  create_time TIMESTAMP NOT NULL,
  process_after TIMESTAMP NOT NULL,
  -- How many attempts have begun. An attempt that a shutdown gave back does not count.
  attempt INT64 NOT NULL,
  -- It grows with each lease. Every later call names it, and changes nothing if it has grown since.
  fence INT64 NOT NULL,
  lease_until TIMESTAMP,
  last_error STRING(MAX),
  -- 0 to 15, as in packages/queue/src/storage/spanner/dialect.ts.
  shard INT64 NOT NULL AS (FARM_FINGERPRINT(id) & 15) STORED
) PRIMARY KEY (type, id);

-- It stores the end of the lease, so that a search for free tasks reads nothing else.
CREATE INDEX IF NOT EXISTS tasks_due ON tasks (shard, type, process_after, id) STORING (lease_until);

CREATE TABLE IF NOT EXISTS dead_tasks (
  type STRING(MAX) NOT NULL,
  id STRING(MAX) NOT NULL,
  invocation_id STRING(MAX),
  payload BYTES(MAX),
  create_time TIMESTAMP NOT NULL,
  dead_time TIMESTAMP NOT NULL,
  attempt INT64 NOT NULL,
  -- The fence of its last lease. If the task is redriven, its fences begin above it.
  fence INT64 NOT NULL,
  reason STRING(MAX) NOT NULL
) PRIMARY KEY (type, id);
