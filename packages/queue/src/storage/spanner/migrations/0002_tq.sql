-- Transactional push tasks. A reminder is written in the transaction that adds a task, and deleted once
-- the task has been submitted, so there are few of them, however many tasks there are. Ids are random,
-- 32 hexadecimal digits; sweeps divide their space.
CREATE TABLE IF NOT EXISTS tq_reminders (
  id STRING(MAX) NOT NULL,
  class_id STRING(MAX) NOT NULL,
  create_time TIMESTAMP NOT NULL,
  -- Until then, the process that added the task submits it; after that, a sweep does.
  fresh_until TIMESTAMP NOT NULL,
  -- packages/queue/src/tq/reminders/stored-request.ts says what it holds.
  payload BYTES(MAX) NOT NULL
) PRIMARY KEY (id);

-- Tasks that could not be submitted, and will not be until somebody redrives them.
CREATE TABLE IF NOT EXISTS tq_dead_reminders (
  id STRING(MAX) NOT NULL,
  class_id STRING(MAX) NOT NULL,
  create_time TIMESTAMP NOT NULL,
  dead_time TIMESTAMP NOT NULL,
  reason STRING(MAX) NOT NULL,
  payload BYTES(MAX) NOT NULL
) PRIMARY KEY (id);

-- The ranges of reminder ids that sweeps are working on.
CREATE TABLE IF NOT EXISTS tq_sweep_leases (
  section STRING(MAX) NOT NULL,
  lease_id STRING(MAX) NOT NULL,
  low STRING(MAX) NOT NULL,
  high STRING(MAX) NOT NULL,
  expire_time TIMESTAMP NOT NULL
) PRIMARY KEY (section, lease_id);
