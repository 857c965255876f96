-- The durable queue. Half of each page is left free and lease_until is in no index, so that taking a
-- lease rewrites a row within its page and touches no index.
CREATE TABLE tasks (
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  invocation_id text COLLATE "C",
  payload bytea,
  create_time timestamptz NOT NULL,
  process_after timestamptz NOT NULL,
  -- Attempts begun so far; those given back at a shutdown do not count.
  attempt bigint NOT NULL,
  -- Grows with each lease. Every call after the lease names it, and changes nothing if it has grown.
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
  -- Of its last lease: should it live again, its fences begin above.
  fence bigint NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (type, id)
);
