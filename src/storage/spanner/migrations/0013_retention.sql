-- What retention deletes, in the order in which its time comes; by shards, as these times grow. Few
-- tasks die, so their indexes have no shards.
CREATE INDEX IF NOT EXISTS invocations_by_expiration
  ON invocations (shard, expiration_time, invocation_id);

CREATE NULL_FILTERED INDEX IF NOT EXISTS invocations_by_expected_results_expiration
  ON invocations (shard, expected_results_expiration_time, invocation_id);

CREATE INDEX IF NOT EXISTS dead_tasks_by_dead_time ON dead_tasks (dead_time, type, id);

CREATE INDEX IF NOT EXISTS tq_dead_reminders_by_dead_time ON tq_dead_reminders (dead_time, id);
