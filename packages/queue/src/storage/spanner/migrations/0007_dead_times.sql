-- Tasks and reminders that died, in the order of that time, for the program that deletes old ones. Few
-- die, so these indexes have no shards.
CREATE INDEX IF NOT EXISTS dead_tasks_by_dead_time ON dead_tasks (dead_time, type, id);

CREATE INDEX IF NOT EXISTS tq_dead_reminders_by_dead_time ON tq_dead_reminders (dead_time, id);
