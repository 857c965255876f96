-- Transactional push tasks. A reminder is written in the transaction that adds a task, and goes once
-- the task has been handed over: so there are few of them, whatever the number of tasks. Ids are
-- random, 32 hexadecimal digits; sweeps split their space.
CREATE TABLE IF NOT EXISTS tq_reminders (
  id STRING(MAX) NOT NULL,
  class_id STRING(MAX) NOT NULL,
  create_time TIMESTAMP NOT NULL,
  -- Until then the process that added the task is submitting it; later, a sweep does.
  fresh_until TIMESTAMP NOT NULL,
  -- src/tq/stored-request.ts
  payload BYTES(MAX) NOT NULL
) PRIMARY KEY (id);

-- What could not be submitted and never will be by itself.
CREATE TABLE IF NOT EXISTS tq_dead_reminders (
  id STRING(MAX) NOT NULL,
  class_id STRING(MAX) NOT NULL,
  create_time TIMESTAMP NOT NULL,
  dead_time TIMESTAMP NOT NULL,
  reason STRING(MAX) NOT NULL,
  payload BYTES(MAX) NOT NULL
) PRIMARY KEY (id);

-- Ranges of reminder ids that a sweep is working on.
CREATE TABLE IF NOT EXISTS tq_sweep_leases (
  section STRING(MAX) NOT NULL,
  lease_id STRING(MAX) NOT NULL,
  low STRING(MAX) NOT NULL,
  high STRING(MAX) NOT NULL,
  expire_time TIMESTAMP NOT NULL
) PRIMARY KEY (section, lease_id);
