-- Tasks and reminders that died, in the order of that time, for the program that deletes old ones. Only
-- snapshots search these indexes, so serializable transactions do not conflict on their pages.
CREATE INDEX dead_tasks_by_dead_time ON dead_tasks (dead_time, type, id);

CREATE INDEX tq_dead_reminders_by_dead_time ON tq_dead_reminders (dead_time, id);
