-- Transactional push tasks. A reminder is written in the transaction that adds a task, and goes once
-- the task has been handed over: so there are few of them, whatever the number of tasks. Ids are
-- random, 32 hexadecimal digits; sweeps split their space.
CREATE TABLE tq_reminders (
  id text COLLATE "C" PRIMARY KEY,
  class_id text COLLATE "C" NOT NULL,
  create_time timestamptz NOT NULL,
  -- Until then the process that added the task is submitting it; later, a sweep does.
  fresh_until timestamptz NOT NULL,
  -- src/tq/stored-request.ts
  payload bytea NOT NULL
);

-- What could not be submitted and never will be by itself.
CREATE TABLE tq_dead_reminders (
  id text COLLATE "C" PRIMARY KEY,
  class_id text COLLATE "C" NOT NULL,
  create_time timestamptz NOT NULL,
  dead_time timestamptz NOT NULL,
  reason text NOT NULL,
  payload bytea NOT NULL
);

-- Ranges of reminder ids that a sweep is working on.
CREATE TABLE tq_sweep_leases (
  section text COLLATE "C" NOT NULL,
  lease_id text COLLATE "C" NOT NULL,
  low text COLLATE "C" NOT NULL,
  high text COLLATE "C" NOT NULL,
  expire_time timestamptz NOT NULL,
  PRIMARY KEY (section, lease_id)
);
