-- Transactional push tasks. A reminder is written in the transaction that adds a task, and deleted once
-- the task has been submitted, so there are few of them, however many tasks there are. Ids are random,
-- 32 hexadecimal digits; sweeps divide their space.
CREATE TABLE tq_reminders (
  id text COLLATE "C" PRIMARY KEY,
  class_id text COLLATE "C" NOT NULL,
  create_time timestamptz NOT NULL,
  -- Until then, the process that added the task submits it; after that, a sweep does.
  fresh_until timestamptz NOT NULL,
  -- packages/queue/src/tq/reminders/stored-request.ts says what it holds.
  payload bytea NOT NULL
);

-- Tasks that could not be submitted, and will not be until somebody redrives them.
CREATE TABLE tq_dead_reminders (
  id text COLLATE "C" PRIMARY KEY,
  class_id text COLLATE "C" NOT NULL,
  create_time timestamptz NOT NULL,
  dead_time timestamptz NOT NULL,
  reason text NOT NULL,
  payload bytea NOT NULL
);

-- The ranges of reminder ids that sweeps are working on.
CREATE TABLE tq_sweep_leases (
  section text COLLATE "C" NOT NULL,
  lease_id text COLLATE "C" NOT NULL,
  low text COLLATE "C" NOT NULL,
  high text COLLATE "C" NOT NULL,
  expire_time timestamptz NOT NULL,
  PRIMARY KEY (section, lease_id)
);
