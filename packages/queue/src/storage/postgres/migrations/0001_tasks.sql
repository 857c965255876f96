-- The durable queue. Half of each page is left free and lease_until is in no index, so that a lease rewrites
-- a row within its page and touches no index.
CREATE TABLE tasks (
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  invocation_id text COLLATE "C",
  payload bytea,
  create_time timestamptz NOT NULL,
  process_after timestamptz NOT NULL,
  -- How many attempts have begun. An attempt that a shutdown gave back does not count.
  attempt bigint NOT NULL,
  -- It grows with each lease. Every later call names it, and changes nothing if it has grown since.
  fence bigint NOT NULL,
  lease_until timestamptz,
  last_error text,
  PRIMARY KEY (type, id)
) WITH (fillfactor = 50);

CREATE INDEX tasks_due ON tasks (type, process_after, id);

CREATE TABLE dead_tasks (
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  invocation_id text COLLATE "C",
  payload bytea,
  create_time timestamptz NOT NULL,
  dead_time timestamptz NOT NULL,
  attempt bigint NOT NULL,
  -- The fence of its last lease. If the task is redriven, its fences begin above it.
  fence bigint NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (type, id)
);
