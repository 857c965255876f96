-- What retention deletes, in the order in which its time comes. Of the times of invocations, one never
-- changes and the other one changes once, when its work is done: so changes of state still touch no
-- index. Only snapshots search these indexes, so no serializable transactions conflict on their pages.
CREATE INDEX invocations_by_expiration ON invocations (expiration_time, invocation_id);

CREATE INDEX invocations_by_expected_results_expiration
  ON invocations (expected_results_expiration_time, invocation_id)
  WHERE expected_results_expiration_time IS NOT NULL;

CREATE INDEX dead_tasks_by_dead_time ON dead_tasks (dead_time, type, id);

CREATE INDEX tq_dead_reminders_by_dead_time ON tq_dead_reminders (dead_time, id);
